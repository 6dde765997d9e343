set(bundle_room ${PROJECT_SOURCE_DIR}/worker/bundle)
warden_unit_test(bundle SOURCES ${CMAKE_CURRENT_LIST_DIR}/bundle_test.c ${bundle_room}/archive.c ${bundle_room}/version.c
  ${bundle_room}/minisign.c ROOMS filters_base USES PkgConfig::SODIUM)
add_test(NAME integration.bundle COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/bundle_test.py)
set_tests_properties(integration.bundle PROPERTIES LABELS integration TIMEOUT 300
  ENVIRONMENT "WARDEN=$<TARGET_FILE:warden>")
add_test(NAME integration.rules COMMAND ${PYTHON3} ${PROJECT_SOURCE_DIR}/tests/integration/rules_test.py)
set_tests_properties(integration.rules PROPERTIES LABELS "integration;kafka" TIMEOUT 300 SKIP_RETURN_CODE 77
  ENVIRONMENT "WARDEN=$<TARGET_FILE:warden>;KAFKATOOL=${PROJECT_BINARY_DIR}/kafkatool")
