# Makes every symbol of the static library that is not public (wd_...) local to it, so that names inside the library can
# never meet those of the program or of other libraries. Run after the archive is made:
#   cmake -DARCHIVE=libwarden.a -DLD=ld -DNM=nm -DOBJCOPY=objcopy -DAR=ar -P localize.cmake
# C++ symbols stay as they are: the linker folds those of inline functions by name.
set(whole ${ARCHIVE}.whole.o)
execute_process(COMMAND ${LD} -r --whole-archive ${ARCHIVE} -o ${whole} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} -g --defined-only ${whole} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL " [TDBRGSC] [^\n]+" lines "${symbols}")
set(inner "")
foreach(line ${lines})
  string(SUBSTRING "${line}" 3 -1 name)
  if(NOT name MATCHES "^(wd_|_Z|__)")
    string(APPEND inner "${name}\n")
  endif()
endforeach()
file(WRITE ${ARCHIVE}.inner "${inner}")
execute_process(COMMAND ${OBJCOPY} --localize-symbols=${ARCHIVE}.inner ${whole} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${ARCHIVE})
execute_process(COMMAND ${AR} rcs ${ARCHIVE} ${whole} COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${whole} ${ARCHIVE}.inner)
