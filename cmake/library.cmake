# The shared library: the objects of all rooms, and of their symbols only the public ones (rooms are
# compiled with hidden visibility; sealdex.h alone marks its functions as visible).
set(SEALDEX_ROOMS base crypto store text segment index extract indexer rebuild query)
set(rooms)
set(objects)
foreach(room ${SEALDEX_ROOMS})
  if(TARGET ${room})
    list(APPEND rooms ${room})
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endif()
endforeach()

add_library(sealdex SHARED ${objects})
target_link_libraries(sealdex PRIVATE ${rooms})
target_include_directories(sealdex INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
target_link_options(sealdex PRIVATE LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/sealdex.map
  LINKER:-z,relro,-z,now,-z,nodelete) # threads end through what it registered (base/stack.c)
if(NOT SEALDEX_SANITIZE AND NOT SEALDEX_FUZZ)
  target_link_options(sealdex PRIVATE LINKER:--no-undefined)
endif()
set_target_properties(sealdex PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE CXX
  LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/sealdex.map)
