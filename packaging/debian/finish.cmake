# What Debian's policy wants of a package beyond the installed files: sections 12.1 (compressed manual
# pages), 12.5 (copyright) and 12.7 (changelog).
set(share "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share")
set(doc "${share}/doc/lumen-host")
file(MAKE_DIRECTORY "${doc}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/copyright" "${doc}/copyright" COPYONLY)
configure_file("${CMAKE_CURRENT_LIST_DIR}/changelog" "${doc}/changelog" COPYONLY)
execute_process(
  COMMAND gzip -9nf "${share}/man/man1/lumen-host.1" "${doc}/changelog"
  COMMAND_ERROR_IS_FATAL ANY)
