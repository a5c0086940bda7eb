# cmake --install build/release --prefix DIR: the executable, the shipped jobs, the dashboard, and the package that
# find_package(rideflow) finds: rideflow::rideflow (everything) and one target per room.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rideflow")
set(header_dir "${CMAKE_INSTALL_INCLUDEDIR}/rideflow")
set(rooms engine topics objects state rollup dsl operators runtime)

add_library(rideflow_all INTERFACE)
set_target_properties(rideflow_all PROPERTIES EXPORT_NAME rideflow)
target_link_libraries(rideflow_all INTERFACE rideflow_runtime rideflow_catalog)

set(targets rideflow_all rideflow_catalog)
set_target_properties(rideflow_catalog PROPERTIES EXPORT_NAME catalog)
foreach(room IN LISTS rooms)
  list(APPEND targets rideflow_${room})
  set_target_properties(rideflow_${room} PROPERTIES EXPORT_NAME ${room})
  # Includes read "engine/status.h" in the repository and in the installed package alike.
  install(DIRECTORY "${CMAKE_SOURCE_DIR}/${room}" DESTINATION "${header_dir}" FILES_MATCHING PATTERN "*.h")
endforeach()
target_compile_features(rideflow_engine PUBLIC cxx_std_20)
target_include_directories(rideflow_engine PUBLIC "$<INSTALL_INTERFACE:${header_dir}>")

install(TARGETS ${targets} EXPORT rideflow-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT rideflow-targets NAMESPACE rideflow:: DESTINATION "${package_dir}")
write_basic_package_version_file("${RIDEFLOW_GENERATED}/rideflow-config-version.cmake" COMPATIBILITY SameMinorVersion)
configure_package_config_file("${CMAKE_SOURCE_DIR}/cmake/rideflow-config.cmake.in"
                              "${RIDEFLOW_GENERATED}/rideflow-config.cmake" INSTALL_DESTINATION "${package_dir}")
install(FILES "${RIDEFLOW_GENERATED}/rideflow-config.cmake" "${RIDEFLOW_GENERATED}/rideflow-config-version.cmake"
        DESTINATION "${package_dir}")

install(TARGETS rideflow RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${CMAKE_SOURCE_DIR}/jobs" DESTINATION "${CMAKE_INSTALL_DATADIR}/rideflow"
        PATTERN ".gitkeep" EXCLUDE)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/ui/dist/" DESTINATION "${CMAKE_INSTALL_DATADIR}/rideflow/ui" OPTIONAL)
install(FILES "${CMAKE_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/rideflow")
