# spdlog::spdlog, header-only, on the host's fmt, for cross builds.
find_package(fmt REQUIRED)
host_headers(spdlog)
if(NOT TARGET spdlog::spdlog)
  add_library(spdlog::spdlog INTERFACE IMPORTED GLOBAL)
  target_compile_definitions(spdlog::spdlog INTERFACE SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL)
  target_link_libraries(spdlog::spdlog INTERFACE fmt::fmt)
endif()
set(spdlog_FOUND TRUE)
