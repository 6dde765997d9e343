# bench/match: texts a second by rule count, for our index, PCRE2 one by one and, where installed, RE2::Set and Hyperscan.
pkg_check_modules(RE2 IMPORTED_TARGET re2)
pkg_check_modules(HYPERSCAN IMPORTED_TARGET libhs)

add_executable(bench_match ${CMAKE_CURRENT_LIST_DIR}/match.c ${CMAKE_CURRENT_LIST_DIR}/match_input.c
  ${CMAKE_CURRENT_LIST_DIR}/match_engines.c ${CMAKE_CURRENT_LIST_DIR}/match_widen.c)
set_target_properties(bench_match PROPERTIES OUTPUT_NAME match)
target_include_directories(bench_match PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bench_match PRIVATE warden_options filters_patterns filters_base PkgConfig::PCRE2 PkgConfig::JANSSON)
if(RE2_FOUND)
  target_sources(bench_match PRIVATE ${CMAKE_CURRENT_LIST_DIR}/match_re2.cc)
  target_compile_definitions(bench_match PRIVATE HAVE_RE2)
  target_link_libraries(bench_match PRIVATE PkgConfig::RE2)
endif()
if(HYPERSCAN_FOUND)
  target_sources(bench_match PRIVATE ${CMAKE_CURRENT_LIST_DIR}/match_hyperscan.c)
  target_compile_definitions(bench_match PRIVATE HAVE_HYPERSCAN)
  target_link_libraries(bench_match PRIVATE PkgConfig::HYPERSCAN)
endif()
