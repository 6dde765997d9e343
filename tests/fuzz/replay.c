/* The main of a fuzz target that is built without libFuzzer: runs each file of the folders and files given, once.
 * A folder without a file is a failure, or a lost corpus would go unnoticed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 0;
    }
    struct stat facts;
    size_t size = fstat(fileno(file), &facts) == 0 ? (size_t)facts.st_size : 0;
    uint8_t *data = malloc(size + 1);
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    if (!data || got != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(data);
        return 0;
    }
    /* A block of exactly this size, so that a sanitizer sees a read past its end. */
    uint8_t *exact = realloc(data, size ? size : 1);
    LLVMFuzzerTestOneInput(exact ? exact : data, size);
    free(exact ? exact : data);
    return 1;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        perror(path);
        return 0;
    }
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        count += run_file(name);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat facts;
        int is_folder = stat(argv[i], &facts) == 0 && S_ISDIR(facts.st_mode);
        int count = is_folder ? run_folder(argv[i]) : run_file(argv[i]);
        printf("%s: %d inputs\n", argv[i], count);
        if (count == 0)
            return 1;
    }
    return argc > 1 ? 0 : 2;
}
