# fmt::fmt, header-only, for cross builds. It brings tl::expected along, which has no package of its own
# that a target could name.
include("${CMAKE_CURRENT_LIST_DIR}/HostHeaders.cmake")
host_headers(fmt tl)
if(NOT TARGET fmt::fmt)
  add_library(fmt::fmt INTERFACE IMPORTED GLOBAL)
  target_include_directories(fmt::fmt INTERFACE "${HOST_HEADERS_DIR}")
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)
endif()
set(fmt_FOUND TRUE)
