# The same cases over every kind of store (state_cases.c); each kind's own test beside them.
set(STATE_TEST_ROOMS worker_state worker_base filters_base filters_behaviour filters_views)
set(STATE_TEST_USES PkgConfig::JANSSON Threads::Threads)
if(WARDEN_LMDB)
  list(APPEND STATE_TEST_USES PkgConfig::LMDB)
endif()
if(WARDEN_REDIS)
  list(APPEND STATE_TEST_USES PkgConfig::HIREDIS PkgConfig::SSL PkgConfig::CRYPTO)
endif()

warden_unit_test(state_memory
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_memory_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
  ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})

if(WARDEN_LMDB)
  warden_unit_test(state_lmdb
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_lmdb_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
    ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})
  foreach(name log kill)
    warden_unit_test(state_${name}
      SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_${name}_test.c ${CMAKE_CURRENT_LIST_DIR}/state_log_kit.c
        ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
      ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})
  endforeach()
  warden_unit_test(state_sync
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_sync_test.c ${CMAKE_CURRENT_LIST_DIR}/state_log_kit.c
      ${CMAKE_CURRENT_LIST_DIR}/state_cases.c ${PROJECT_SOURCE_DIR}/tests/support/held_disk.c
    ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})
  target_link_options(test_state_sync PRIVATE -Wl,--wrap=fdatasync)
endif()

if(WARDEN_REDIS)
  warden_unit_test(state_redis
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_redis_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
      ${PROJECT_SOURCE_DIR}/tests/support/redis_servers.c
    ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})
  warden_unit_test(state_redis_aside
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_redis_aside_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
      ${PROJECT_SOURCE_DIR}/tests/support/redis_servers.c
    ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})
  target_link_options(test_state_redis_aside PRIVATE -Wl,--wrap=getaddrinfo)
  set_tests_properties(unit.state_redis unit.state_redis_aside PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
