# SPDX-License-Identifier: Apache-2.0
# Flags of all host code: library, command, tests, fuzzers, benchmarks, examples.
# Guest programs are none of it: see MoteGuest.cmake.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON) # the same objects go into libmote.a and libmote.so

include_directories(${CMAKE_SOURCE_DIR}/include)
add_compile_definitions(_GNU_SOURCE)

# -Wconversion is left out: its casts would hide more than it finds. Guest-controlled arithmetic
# goes through the overflow-checked helpers instead.
add_compile_options(
  "$<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Werror;-Wshadow;-Wpointer-arith;-Wstrict-prototypes>"
  "$<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes;-Wvla;-Wcast-qual;-Wundef;-Wformat=2;-Wwrite-strings>"
  -fstack-protector-strong
  $<$<CONFIG:RelWithDebInfo>:-D_FORTIFY_SOURCE=2>)
add_link_options(-Wl,-z,relro,-z,now)

if(MOTE_SANITIZE)
  if(MOTE_SANITIZE STREQUAL "thread")
    set(sanitize -fsanitize=thread)
  else()
    set(sanitize -fsanitize=address,undefined)
  endif()
  list(APPEND sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_options(${sanitize} -O1)
  add_link_options(${sanitize})
endif()

if(MOTE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
