/* What can be written in a rule file, printed from the tables that the loader checks by: so it is never out of date. */
#ifndef WARDEN_RULESCHEMA_H
#define WARDEN_RULESCHEMA_H

#include <stdio.h>

#include <warden/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The JSON Schema of a rule file (config/schema/ruleset.schema.json). WD_ERR_MEMORY, WD_ERR_IO. */
enum wd_status wd_ruleset_schema_print(FILE *out) WD_MUST_USE;

/* Texts, views, fields, conditions and actions with a line each, for people. WD_ERR_IO. */
enum wd_status wd_ruleset_fields_print(FILE *out) WD_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
