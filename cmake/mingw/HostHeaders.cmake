# host_headers(DIRECTORY…): makes the named directories of the host's /usr/include reachable for a
# cross build, alone in a directory of their own: /usr/include itself would bring glibc's headers along.
include_guard()
set(HOST_HEADERS_DIR "${CMAKE_BINARY_DIR}/host-headers" CACHE INTERNAL "")

function(host_headers)
  file(MAKE_DIRECTORY "${HOST_HEADERS_DIR}")
  foreach(name ${ARGN})
    if(NOT IS_DIRECTORY "/usr/include/${name}")
      message(FATAL_ERROR "the header-only library in /usr/include/${name} is missing")
    endif()
    file(CREATE_LINK "/usr/include/${name}" "${HOST_HEADERS_DIR}/${name}" SYMBOLIC)
  endforeach()
endfunction()
