# Options, warnings and sanitizers, and lumen_library(): one way to declare a module.
option(LUMEN_TESTS "Build tests and benchmarks" ON)
option(LUMEN_TOOLS "Build developer and demo programs" ON)
option(LUMEN_WERROR "Treat warnings as errors" ON)
option(LUMEN_FUZZ "Build libFuzzer programs instead of tests (Clang)" OFF)
set(LUMEN_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout count relative to it, so a second clone finds the first one's objects.
  # The sloppiness is what ccache asks for with precompiled headers.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(lumen_flags INTERFACE)
target_include_directories(lumen_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
target_compile_options(lumen_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wimplicit-fallthrough
  # Designated initializers leave the rest to its defaults on purpose.
  -Wno-missing-field-initializers
  $<$<BOOL:${LUMEN_WERROR}>:-Werror>)
# With CMAKE_UNITY_BUILD (the presets that are whole) CMake compiles several files of a library as one, which
# halves what a build from nothing takes. Names in unnamed namespaces are then shared, and GCC takes
# each of those files for a header.
if(CMAKE_UNITY_BUILD)
  target_compile_options(lumen_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(LUMEN_SANITIZE)
  target_compile_options(lumen_flags INTERFACE -fsanitize=${LUMEN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(lumen_flags INTERFACE -fsanitize=${LUMEN_SANITIZE})
endif()

# lumen_library(NAME SOURCES… [DEPENDS…]): a static module with the project's flags.
function(lumen_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC lumen_flags ${ARG_DEPENDS})
endfunction()

# lumen_executable(NAME SOURCES… [DEPENDS…])
function(lumen_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE lumen_flags ${ARG_DEPENDS})
endfunction()
