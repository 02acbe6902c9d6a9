# All from Debian's packages; see `./dev setup`.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url json)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Catch2 2 REQUIRED)
find_library(NGHTTP2 nghttp2 REQUIRED)
find_path(NGHTTP2_HEADERS nghttp2/nghttp2.h REQUIRED)
add_library(nghttp2 UNKNOWN IMPORTED)
set_target_properties(nghttp2 PROPERTIES IMPORTED_LOCATION "${NGHTTP2}" INTERFACE_INCLUDE_DIRECTORIES "${NGHTTP2_HEADERS}")

# Asio and Beast, compiled once. The precompiled header is for units that talk to sockets:
#   target_precompile_headers(room REUSE_FROM pilotlight_net)
add_library(pilotlight_net STATIC cmake/net.cpp)
target_compile_definitions(pilotlight_net PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
  # Frames of coroutines and handlers come from operator new, which is quicker than Asio's own store: see
  # proxy/bounds/small_blocks.hpp.
  BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
target_link_libraries(pilotlight_net PUBLIC Boost::boost OpenSSL::SSL OpenSSL::Crypto Threads::Threads
                      PRIVATE pilotlight_options)
target_precompile_headers(pilotlight_net PRIVATE cmake/net.hpp)

# A room: add_room(name SOURCES... DEPENDS targets...  [NET])
function(add_room name)
  cmake_parse_arguments(ROOM "NET" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(pilotlight_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(pilotlight_${name} PUBLIC ${ROOM_DEPENDS} PRIVATE pilotlight_options)
  if(ROOM_NET)
    target_link_libraries(pilotlight_${name} PUBLIC pilotlight_net)
    target_precompile_headers(pilotlight_${name} REUSE_FROM pilotlight_net)
  endif()
endfunction()
