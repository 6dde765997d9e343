// simdjson's first stage for C callers: see json_index.h. The only C++ of the library. The class used here is what
// simdjson's own parsers are made of; it picks the best kernel for the machine at run time.
#include "filters/event/json_index.h"

#include <algorithm>
#include <memory>
#include <new>

#include <simdjson.h>

struct json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

namespace
{

constexpr size_t FIRST_CAPACITY = 64 * 1024;
constexpr size_t UNUSED_DEPTH = 1; // the reader has its own limit

bool ensure_capacity(json_index *index, size_t len)
{
    if (index->parser->capacity() >= len)
        return true;
    size_t doubled = std::max(len, 2 * index->parser->capacity());
    return index->parser->allocate(doubled, UNUSED_DEPTH) == simdjson::SUCCESS;
}

} // namespace

struct json_index *json_index_new(void)
{
    std::unique_ptr<json_index> index(new (std::nothrow) json_index);
    if (!index || simdjson::get_active_implementation()->create_dom_parser_implementation(
                      FIRST_CAPACITY, UNUSED_DEPTH, index->parser) != simdjson::SUCCESS)
        return nullptr;
    return index.release();
}

void json_index_free(struct json_index *index)
{
    delete index;
}

enum json_index_status json_index_run(struct json_index *index, const char *text, size_t len,
                                      const uint32_t **offsets_out, size_t *count_out)
{
    if (!ensure_capacity(index, len))
        return JSON_INDEX_MEMORY;
    auto *parser = index->parser.get();
    auto *bytes = reinterpret_cast<const uint8_t *>(text);
    if (len == 0 || parser->stage1(bytes, len, simdjson::stage1_mode::regular) != simdjson::SUCCESS)
        return JSON_INDEX_REFUSED;
    parser->structural_indexes[parser->n_structural_indexes] = static_cast<uint32_t>(len);
    *offsets_out = parser->structural_indexes.get();
    *count_out = parser->n_structural_indexes;
    return JSON_INDEX_OK;
}

const char *json_index_kernel(void)
{
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}
