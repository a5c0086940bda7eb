# Compiler and linker settings shared by every target.
#   RIDEFLOW_SANITIZE  "" | address (with undefined, clang) | thread (g++)
#   RIDEFLOW_LIBFUZZER  with address: instrumented for libFuzzer, whose search tests/fuzz/*_fuzz.cc then are
set(RIDEFLOW_SANITIZE "" CACHE STRING "address, thread or nothing")
option(RIDEFLOW_LIBFUZZER "instrument for libFuzzer" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")
# Optimising what clang's address and undefined-behaviour sanitizers add takes twice the time it saves in the tests.
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")
if(RIDEFLOW_SANITIZE STREQUAL "address")
  string(REPLACE "-O1" "-O0" CMAKE_CXX_FLAGS_SANITIZE "${CMAKE_CXX_FLAGS_SANITIZE}")
endif()

set(RIDEFLOW_GNU OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(RIDEFLOW_GNU ON)
endif()

# Any x86-64 runs the release; files named *_v2.cc and *_v3.cc are compiled for more (see rooms.cmake) and
# must be reached through a CPU check.
add_compile_options(-march=x86-64 -mtune=generic -pthread -fPIE)
add_link_options(-pthread -pie)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wextra-semi -Wimplicit-fallthrough -Wformat=2 -Wcast-qual -Werror)
if(RIDEFLOW_GNU)
  # "p" + s gives a false -Wrestrict in g++ 12 at -O3.
  add_compile_options(-Wduplicated-cond -Wlogical-op -Wno-restrict -fpch-preprocess -fdiagnostics-color=auto)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    # Once std::string is inlined, g++ 12 believes in sizes near 2^63, in reads behind string literals and in unset
    # bytes of strings that are set.
    add_compile_options(-Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                        -Wno-maybe-uninitialized)
  endif()
else()
  # librdkafka checks the types of its variadic calls with statement expressions.
  add_compile_options(-Wno-gnu-statement-expression)
  add_compile_options(-Wthread-safety -Wunused-member-function "SHELL:-Xclang -fno-pch-timestamp")
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND RIDEFLOW_SANITIZE STREQUAL "")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
                      -fcf-protection)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

if(RIDEFLOW_SANITIZE STREQUAL "address")
  # Without what costs a fifth of the build and finds nothing more: a null pointer that is followed ends the process
  # anyway, object-size does nothing at -O0. clang 14 can't lay out the function check's data before some coroutines.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=null,vptr,object-size,function
                      -fno-sanitize-recover=all)
  if(RIDEFLOW_LIBFUZZER)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
  add_link_options(-fsanitize=address,undefined)
elseif(RIDEFLOW_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
  if(RIDEFLOW_GNU)
    # -Wtsan: Asio's fences, even from a system header. The others judge what the optimiser left, and
    # instrumented code misleads them; the release build keeps them.
    add_compile_options(-Wno-tsan -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
                        -Wno-maybe-uninitialized -Wno-free-nonheap-object)
  endif()
elseif(NOT RIDEFLOW_SANITIZE STREQUAL "")
  message(FATAL_ERROR "RIDEFLOW_SANITIZE is '${RIDEFLOW_SANITIZE}': use address, thread or nothing")
endif()

# Several sources a compilation, in the presets that are built from nothing more often than edited: half the time of
# a build is headers and templates read again. There an anonymous namespace stands in an included file.
if(CMAKE_UNITY_BUILD AND RIDEFLOW_GNU)
  add_compile_options(-Wno-subobject-linkage)
endif()

find_program(RIDEFLOW_MOLD mold)
if(RIDEFLOW_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# base_dir lets every checkout of this repository share one cache; a warning that is switched off makes no other code.
find_program(RIDEFLOW_CCACHE ccache)
if(RIDEFLOW_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "CCACHE_IGNOREOPTIONS=-Wno-*" ${RIDEFLOW_CCACHE})
endif()
