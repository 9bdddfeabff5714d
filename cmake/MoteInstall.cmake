# SPDX-License-Identifier: Apache-2.0
# What `make install` puts under its prefix; mote.pc finds the prefix by itself, so that the tree may
# be moved. (cli/CMakeLists.txt installs the command.)

if(TARGET mote)
  install(TARGETS mote mote_shared ARCHIVE DESTINATION lib LIBRARY DESTINATION lib)
endif()
install(DIRECTORY include/ DESTINATION include FILES_MATCHING PATTERN "*.h")

# The guest SDK, once for each libc.
if(TARGET mote_guest)
  install(FILES ${MOTE_GUEST_LIBDIR}/gcc/libmote_guest.a DESTINATION lib)
  install(FILES ${MOTE_GUEST_LIBDIR}/musl/libmote_guest.a DESTINATION lib/musl)
endif()

configure_file(cmake/mote.pc.in mote.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/mote.pc DESTINATION lib/pkgconfig)
install(FILES LICENSE DESTINATION share/doc/mote)
