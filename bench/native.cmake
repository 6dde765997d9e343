# bench/native: what native matchers cost, rule by rule and together.
add_executable(bench_native ${CMAKE_CURRENT_LIST_DIR}/native.c)
set_target_properties(bench_native PROPERTIES OUTPUT_NAME native)
target_include_directories(bench_native PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_native PRIVATE warden_options filters_base filters_event filters_views filters_patterns
  filters_matchers filters_rules filters_behaviour PkgConfig::JANSSON)
