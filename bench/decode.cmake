add_executable(bench_decode ${CMAKE_CURRENT_LIST_DIR}/decode.c)
target_include_directories(bench_decode PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_decode PRIVATE warden_options filters_event filters_base PkgConfig::JANSSON)
