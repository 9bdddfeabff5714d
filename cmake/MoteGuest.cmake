# SPDX-License-Identifier: Apache-2.0
# Guests are ordinary static programs, so they are built by plain compiler calls, free of the host's
# flags and sanitizers: the same guest runs under every preset.
#
#   mote_add_guest(NAME SOURCES a.c b.S [TOOLCHAIN musl|gcc] [LIBS -lm ...] [FLAGS ...] [RAW])
#
# builds <build>/guests/NAME. TOOLCHAIN is musl unless given. FLAGS are for the compiler. LIBS are
# for the linker. RAW: without libc, start files and SDK; the entry point is _start.
#
#   mote_guest_objects(VARIABLE DIRECTORY TOOLCHAIN SOURCES a.c b.S [FLAGS ...])
#
# compiles to objects under the build directory's DIRECTORY and lists them in VARIABLE; guest/ builds
# libmote_guest with it, as <build>/guest/musl/libmote_guest.a and <build>/guest/gcc/libmote_guest.a,
# under a target named mote_guest.

find_program(MOTE_GUEST_GCC gcc REQUIRED)
find_program(MOTE_GUEST_MUSL musl-gcc REQUIRED)

set(MOTE_GUEST_DIR ${CMAKE_BINARY_DIR}/guests)
set(MOTE_GUEST_LIBDIR ${CMAKE_BINARY_DIR}/guest)
set(MOTE_GUEST_FLAGS -std=gnu11 -O2 -g -Wall -Wextra -Werror -I${CMAKE_SOURCE_DIR}/include)
set(MOTE_GUEST_RAW_FLAGS -ffreestanding -fno-stack-protector -fcf-protection=none)

function(mote_guest_compiler VARIABLE TOOLCHAIN)
  if(TOOLCHAIN STREQUAL "musl")
    set(${VARIABLE} ${MOTE_GUEST_MUSL} PARENT_SCOPE)
  elseif(TOOLCHAIN STREQUAL "gcc")
    set(${VARIABLE} ${MOTE_GUEST_GCC} PARENT_SCOPE)
  else()
    message(FATAL_ERROR "unknown guest toolchain '${TOOLCHAIN}': use musl or gcc")
  endif()
endfunction()

function(mote_guest_objects VARIABLE DIRECTORY TOOLCHAIN)
  cmake_parse_arguments(PARSE_ARGV 3 G "" "" "SOURCES;FLAGS")
  mote_guest_compiler(compiler ${TOOLCHAIN})
  set(objects)
  foreach(source IN LISTS G_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path FILENAME file)
    set(object ${CMAKE_BINARY_DIR}/${DIRECTORY}/${file}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/${DIRECTORY}
      COMMAND ${compiler} ${MOTE_GUEST_FLAGS} ${G_FLAGS} -MD -MF ${object}.d -c ${path} -o ${object}
      DEPENDS ${path}
      DEPFILE ${object}.d
      COMMENT "Guest object ${DIRECTORY}/${file}.o"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  set(${VARIABLE} ${objects} PARENT_SCOPE)
endfunction()

function(mote_add_guest NAME)
  cmake_parse_arguments(PARSE_ARGV 1 G "RAW" "TOOLCHAIN" "SOURCES;LIBS;FLAGS")
  if(NOT G_TOOLCHAIN)
    set(G_TOOLCHAIN musl)
  endif()
  if(G_RAW)
    set(G_TOOLCHAIN gcc)
    list(PREPEND G_FLAGS ${MOTE_GUEST_RAW_FLAGS})
    set(link -nostdlib -nostartfiles)
    set(sdk)
  else()
    set(link)
    set(sdk ${MOTE_GUEST_LIBDIR}/${G_TOOLCHAIN}/libmote_guest.a)
  endif()

  mote_guest_compiler(compiler ${G_TOOLCHAIN})
  mote_guest_objects(objects guests/${NAME}.dir ${G_TOOLCHAIN} SOURCES ${G_SOURCES} FLAGS ${G_FLAGS})
  add_custom_command(
    OUTPUT ${MOTE_GUEST_DIR}/${NAME}
    COMMAND ${compiler} -static ${link} -o ${MOTE_GUEST_DIR}/${NAME} ${objects} ${sdk} ${G_LIBS}
    DEPENDS ${objects} ${sdk}
    COMMENT "Guest ${NAME}"
    VERBATIM)
  add_custom_target(guest_${NAME} ALL DEPENDS ${MOTE_GUEST_DIR}/${NAME})
endfunction()
