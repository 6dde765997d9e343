# bench_views FILE.jsonl: what each view costs.
add_executable(bench_views ${CMAKE_CURRENT_LIST_DIR}/views.c)
target_include_directories(bench_views PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_views PRIVATE warden_options filters_base filters_views PkgConfig::JANSSON)
