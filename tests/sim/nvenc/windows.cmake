# nvEncodeAPI64.dll: for Direct3D 11 devices, with completion events, H.264 only. x264 is linked in, so that the
# library needs nothing but Windows (tools/windows-lane.sh makes it).
list(FILTER SOURCES EXCLUDE REGEX "cuda_d|codec_hevc|codec_av1")
set(LUMEN_WINDOWS_X264 "" CACHE PATH "Where a static x264 for Windows is installed")
if(NOT EXISTS "${LUMEN_WINDOWS_X264}/lib/libx264.a")
  message(FATAL_ERROR "LUMEN_WINDOWS_X264 has no lib/libx264.a: use tools/windows-lane.sh build")
endif()
add_library(lumen_sim_nvenc SHARED ${SOURCES})
set_target_properties(lumen_sim_nvenc PROPERTIES
  PREFIX "" OUTPUT_NAME nvEncodeAPI64 RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/sim")
host_headers(ffnvcodec)
target_include_directories(lumen_sim_nvenc SYSTEM PRIVATE
  "${HOST_HEADERS_DIR}" "${LUMEN_WINDOWS_X264}/include")
target_link_libraries(lumen_sim_nvenc PRIVATE lumen_flags "${LUMEN_WINDOWS_X264}/lib/libx264.a" dxguid)

file(GLOB TESTS CONFIGURE_DEPENDS *directx_test.cpp test_directx_*.cpp)
lumen_test(sim-nvenc-directx SOURCES ${TESTS} DEPENDS d3d11 dxguid)
add_dependencies(sim-nvenc-directx lumen_sim_nvenc)
target_include_directories(sim-nvenc-directx PRIVATE "${PROJECT_SOURCE_DIR}/tests")
target_include_directories(sim-nvenc-directx SYSTEM PRIVATE "${HOST_HEADERS_DIR}")
