# One static target per room. A room sees the public header, base/, and the rooms it names; the
# libraries it names are visible to it alone, so that a forbidden include or link does not build.
#
#   sealdex_room(NAME [PATH folder] SOURCES file... [ROOMS room...] [PACKAGES pkg-config-name...])
#
# PATH is the room's folder from the top where it is not NAME (indexer/extract is the room `extract`).
#
# Headers are included by their path from the top ("crypto/seal.h"), which each room gets only for
# the rooms that it names: room X's headers are served from a directory of links, build/rooms/X/.
function(sealdex_room name)
  cmake_parse_arguments(ARG "" "PATH" "SOURCES;ROOMS;PACKAGES" ${ARGN})
  if(NOT ARG_PATH)
    set(ARG_PATH ${name})
  endif()
  set(view ${CMAKE_BINARY_DIR}/rooms/${name})
  cmake_path(GET ARG_PATH PARENT_PATH parent)
  file(MAKE_DIRECTORY ${view}/${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ARG_PATH} ${view}/${ARG_PATH} SYMBOLIC)
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${view})
  if(NOT name STREQUAL base)
    target_link_libraries(${name} PUBLIC base)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_ROOMS})
  foreach(package ${ARG_PACKAGES})
    pkg_check_modules(PC_${package} REQUIRED IMPORTED_TARGET ${package})
    target_link_libraries(${name} PRIVATE PkgConfig::PC_${package})
  endforeach()
endfunction()

# A cmocka unit test: sealdex_unit_test(test_seal ROOMS crypto), source test_seal.c beside it.
function(sealdex_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ROOMS;PACKAGES" ${ARGN})
  add_executable(${name} ${name}.c ${ARG_SOURCES})
  pkg_check_modules(PC_cmocka REQUIRED IMPORTED_TARGET cmocka)
  target_link_libraries(${name} PRIVATE ${ARG_ROOMS} PkgConfig::PC_cmocka Threads::Threads)
  foreach(package ${ARG_PACKAGES})
    pkg_check_modules(PC_${package} REQUIRED IMPORTED_TARGET ${package})
    target_link_libraries(${name} PRIVATE PkgConfig::PC_${package})
  endforeach()
  add_test(NAME ${name} COMMAND ${name})
endfunction()
