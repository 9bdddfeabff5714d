# SPDX-License-Identifier: Apache-2.0
# What `make install` puts under its prefix. mote.pc and the CMake package find the prefix by
# themselves, so that the tree may be moved. (cli/ and wasm/ install the command and its runtime.)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mote)

install(TARGETS mote mote_shared mote_debug mote_debug_shared EXPORT mote-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# The guest SDK, once for each libc.
install(FILES ${MOTE_GUEST_LIBDIR_gcc}/libmote_guest.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${MOTE_GUEST_LIBDIR_musl}/libmote_guest.a DESTINATION ${CMAKE_INSTALL_LIBDIR}/musl)

# The CMake package: find_package(mote).
install(EXPORT mote-targets NAMESPACE mote:: DESTINATION ${package_dir})
configure_package_config_file(cmake/mote-config.cmake.in ${CMAKE_BINARY_DIR}/mote-config.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mote-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/mote-config.cmake ${CMAKE_BINARY_DIR}/mote-config-version.cmake
  cmake/MoteGuest.cmake DESTINATION ${package_dir})

# pkg-config drops the folders that every compiler searches, but only when they are spelled plainly.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(MOTE_PC_PREFIX /usr)
else()
  file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(MOTE_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(name IN ITEMS mote mote-debug mote-guest mote-guest-musl)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

foreach(section IN ITEMS 1 3 7)
  file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# Each name of a page's NAME section leads to the page.
file(GLOB pages CONFIGURE_DEPENDS docs/man/*.3)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pages})
foreach(page IN LISTS pages)
  cmake_path(GET page STEM stem)
  file(STRINGS ${page} names REGEX "^[.]Nm mote_")
  foreach(name IN LISTS names)
    string(REGEX REPLACE "^[.]Nm ([a-z0-9_]+).*" "\\1" name "${name}")
    if(NOT name STREQUAL stem)
      file(WRITE ${CMAKE_BINARY_DIR}/man/${name}.3 ".so man3/${stem}.3\n")
      install(FILES ${CMAKE_BINARY_DIR}/man/${name}.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
    endif()
  endforeach()
endforeach()
install(FILES cli/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME mote)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN hash-wasm EXCLUDE)
