# What `cmake --install` puts where: the library with its one header, and the two ways to find it,
# pkg-config and find_package(sealdex). The programs install themselves (tools/).
include(CMakePackageConfigHelpers)

install(TARGETS sealdex EXPORT sealdex
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_SOURCE_DIR}/include/sealdex.h ${CMAKE_SOURCE_DIR}/include/sealdex_counters.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# pcfiledir makes the file true wherever the tree is installed or moved to.
file(RELATIVE_PATH SEALDEX_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/sealdex.pc.in ${CMAKE_BINARY_DIR}/sealdex.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/sealdex.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sealdex)
install(EXPORT sealdex NAMESPACE sealdex:: FILE sealdexConfig.cmake DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/sealdexConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/sealdexConfigVersion.cmake DESTINATION ${package})
