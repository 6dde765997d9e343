#include "tests/unit/rules_support.h"
int main(void) { return 0; }
