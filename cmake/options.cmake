# Warnings are errors on our code. Dependencies come in as SYSTEM headers and are not judged.
add_library(pilotlight_options INTERFACE)
target_include_directories(pilotlight_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(pilotlight_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  -Wno-mismatched-new-delete  # Asio's coroutine frames under g++ 12: a false alarm
)
if(PILOTLIGHT_SANITIZE)
  add_compile_options(-fsanitize=${PILOTLIGHT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PILOTLIGHT_SANITIZE})
  if(PILOTLIGHT_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(PILOTLIGHT_SANITIZE MATCHES thread)
    target_compile_options(pilotlight_options INTERFACE -Wno-tsan)  # Boost's fences
  endif()
endif()
# All builds but `dev` and `fuzz` compile several files of a room as one (CMAKE_UNITY_BUILD, by their presets): a third
# less to compute. The names in a room's files, those in unnamed namespaces too, are therefore distinct. These two warnings
# see one file's names from another there; `dev`, which compiles each file by itself, keeps them. g++ stops inlining in what
# it holds for a large unit: `release` says that these are none (large-unit-insns), which spares 2 % of a request.
if(CMAKE_UNITY_BUILD)
  target_compile_options(pilotlight_options INTERFACE -Wno-shadow -Wshadow=local -Wno-subobject-linkage)
endif()

# What simulations run in: with sanitizers and without optimisation they take minutes.
function(simulate_quickly target)
  if(PILOTLIGHT_SANITIZE)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()
