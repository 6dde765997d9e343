warden_unit_test(document SOURCES ${CMAKE_CURRENT_LIST_DIR}/document_test.c ROOMS filters_base)
