warden_unit_test(sandbox SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_test.c ROOMS worker_sandbox filters_base
  USES PkgConfig::JANSSON PkgConfig::CURL)

# The sandbox by itself, so that a Python test can talk to it over HTTP.
add_executable(sandbox_host ${CMAKE_CURRENT_LIST_DIR}/sandbox_host.c)
target_include_directories(sandbox_host PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(sandbox_host PRIVATE warden_options worker_sandbox filters_base)
add_test(NAME integration.sandbox
  COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/sandbox_test.py $<TARGET_FILE:sandbox_host>)
set_tests_properties(integration.sandbox PROPERTIES TIMEOUT 120)

add_test(NAME integration.health
  COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/health_test.py $<TARGET_FILE:warden>)
set_tests_properties(integration.health PROPERTIES TIMEOUT 120)
