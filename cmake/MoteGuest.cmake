# SPDX-License-Identifier: Apache-2.0
# Guests are ordinary static programs, so they are built by plain compiler calls, free of the host's
# flags and sanitizers: the same guest runs under every preset. This file is also part of the installed
# CMake package: find_package(mote) defines mote_add_guest for the guests of embedders.
#
#   mote_add_guest(NAME SOURCES a.c b.S [TOOLCHAIN musl|gcc|g++] [LIBS -lm ...] [FLAGS ...] [RAW])
#
# builds <build>/guests/NAME (the folder is ${MOTE_GUEST_DIR}) with a target guest_NAME. TOOLCHAIN is
# musl unless given; g++ is for C++17, on glibc, with the libmote_guest.a of gcc. FLAGS are for the compiler. LIBS are for the linker. RAW: without libc, start files
# and SDK; the entry point is _start.
#
#   mote_guest_objects(VARIABLE DIRECTORY TOOLCHAIN SOURCES a.c b.S [FLAGS ...])
#
# compiles to objects under the build directory's DIRECTORY and lists them in VARIABLE; guest/ builds
# libmote_guest with it, as <build>/guest/musl/libmote_guest.a and <build>/guest/gcc/libmote_guest.a,
# under a target named mote_guest.

# Whoever includes this file says where the SDK is: MOTE_GUEST_INCLUDE, and the folders that hold
# libmote_guest.a for each toolchain, MOTE_GUEST_LIBDIR_musl and MOTE_GUEST_LIBDIR_gcc.
if(NOT DEFINED MOTE_GUEST_DIR)
  set(MOTE_GUEST_DIR ${CMAKE_BINARY_DIR}/guests)
endif()
if(NOT DEFINED MOTE_GUEST_FLAGS)
  # Frame pointers: reports of faults follow them (mote_report.frames).
  set(MOTE_GUEST_FLAGS -O2 -g -fno-omit-frame-pointer)
endif()
# Never -I/usr/include: musl-gcc would find glibc's headers there.
if(NOT MOTE_GUEST_INCLUDE STREQUAL "/usr/include")
  set(MOTE_GUEST_INCLUDE_FLAGS -I${MOTE_GUEST_INCLUDE})
endif()
set(MOTE_GUEST_LIBDIR_g++ ${MOTE_GUEST_LIBDIR_gcc})
set(MOTE_GUEST_RAW_FLAGS -ffreestanding -fno-stack-protector -fcf-protection=none)

function(mote_guest_compiler VARIABLE TOOLCHAIN)
  if(TOOLCHAIN STREQUAL "musl")
    find_program(MOTE_GUEST_MUSL musl-gcc)
    set(compiler ${MOTE_GUEST_MUSL})
  elseif(TOOLCHAIN STREQUAL "gcc")
    find_program(MOTE_GUEST_GCC gcc)
    set(compiler ${MOTE_GUEST_GCC})
  elseif(TOOLCHAIN STREQUAL "g++")
    find_program(MOTE_GUEST_GXX g++)
    set(compiler ${MOTE_GUEST_GXX})
  else()
    message(FATAL_ERROR "unknown guest toolchain '${TOOLCHAIN}': use musl, gcc or g++")
  endif()
  if(NOT compiler)
    message(FATAL_ERROR "there is no ${TOOLCHAIN} compiler for guests: apt-get install musl-tools gcc g++")
  endif()
  set(${VARIABLE} ${compiler} PARENT_SCOPE)
endfunction()

function(mote_guest_objects VARIABLE DIRECTORY TOOLCHAIN)
  cmake_parse_arguments(PARSE_ARGV 3 G "" "" "SOURCES;FLAGS")
  mote_guest_compiler(compiler ${TOOLCHAIN})
  set(flags ${MOTE_GUEST_FLAGS})
  if(TOOLCHAIN STREQUAL "g++")
    list(FILTER flags EXCLUDE REGEX "^-std=")
    list(APPEND flags -std=c++17)
  endif()
  set(objects)
  foreach(source IN LISTS G_SOURCES)
    cmake_path(ABSOLUTE_PATH source NORMALIZE OUTPUT_VARIABLE path)
    cmake_path(GET path FILENAME file)
    set(object ${CMAKE_BINARY_DIR}/${DIRECTORY}/${file}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/${DIRECTORY}
      COMMAND ${compiler} ${flags} ${MOTE_GUEST_INCLUDE_FLAGS} ${G_FLAGS}
        -MD -MF ${object}.d -c ${path} -o ${object}
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
    set(sdk ${MOTE_GUEST_LIBDIR_${G_TOOLCHAIN}}/libmote_guest.a)
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
