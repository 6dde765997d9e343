warden_fuzzer(decode SOURCES ${CMAKE_CURRENT_LIST_DIR}/decode_fuzz.c ROOMS filters_event filters_base)
