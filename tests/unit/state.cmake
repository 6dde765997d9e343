# The same cases over every kind of store (state_cases.c); each kind's own test beside them.
set(STATE_TEST_ROOMS worker_state worker_base filters_base)
set(STATE_TEST_USES PkgConfig::JANSSON Threads::Threads)

warden_unit_test(state_memory
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_memory_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
  ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES})

if(WARDEN_LMDB)
  warden_unit_test(state_lmdb
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/state_lmdb_test.c ${CMAKE_CURRENT_LIST_DIR}/state_cases.c
    ROOMS ${STATE_TEST_ROOMS} USES ${STATE_TEST_USES} PkgConfig::LMDB)
endif()
