set(DECODE_REFERENCE ${CMAKE_CURRENT_LIST_DIR}/decode_dump.c ${CMAKE_CURRENT_LIST_DIR}/decode_reference.c
  ${CMAKE_CURRENT_LIST_DIR}/decode_reference_text.c ${CMAKE_CURRENT_LIST_DIR}/decode_random.c)
warden_unit_test(decode SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_test.c ${DECODE_REFERENCE}
  ROOMS filters_event filters_base USES PkgConfig::JANSSON)
warden_unit_test(decode_differential SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_differential_test.c ${DECODE_REFERENCE}
  ROOMS filters_event filters_base USES PkgConfig::JANSSON)
warden_unit_test(decode_hostile SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_hostile_test.c
  ROOMS filters_event filters_base)
warden_unit_test(decode_escapes SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_escapes_test.c ROOMS filters_event filters_base)
warden_unit_test(decode_time SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_time_test.c ROOMS filters_event filters_base)
# Input made to hurt: seconds where time is linear, hours where it is not.
set_tests_properties(unit.decode_hostile PROPERTIES TIMEOUT 120)
