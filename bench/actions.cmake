add_executable(bench_actions ${CMAKE_CURRENT_LIST_DIR}/actions.c ${CMAKE_CURRENT_LIST_DIR}/actions_bare.c
  ${CMAKE_CURRENT_LIST_DIR}/actions_dispatch.c ${PROJECT_SOURCE_DIR}/worker/retry.c
  ${PROJECT_SOURCE_DIR}/tests/unit/client_server.c)
target_include_directories(bench_actions PRIVATE ${PROJECT_SOURCE_DIR})
target_compile_definitions(bench_actions PRIVATE SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(bench_actions PRIVATE warden_options filters_base worker_base worker_dispatch worker_platform PkgConfig::CURL
  PkgConfig::JANSSON Threads::Threads)
