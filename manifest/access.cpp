#include "manifest/access.hpp"

#include <set>

#include "manifest/key_hash.hpp"
#include "manifest/names.hpp"

namespace manifest {
namespace {

constexpr std::size_t most_keys = 1000;  // of all lists: each is a label in the metrics

bool is_key_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && is_token(name);
}

AccessKey read_key(const Node& node, const std::string& path, Problems& problems) {
    Fields fields(&node, path, problems);
    AccessKey key;
    std::string hash;
    if (fields.need_text("name", key.name) && !is_key_name(key.name))
        fields.error("name", "must be a word of up to 64 letters, digits and -_. , not " + quote(key.name));
    // What was given by mistake instead of the hash must not be repeated.
    if (fields.need_text("hash", hash) && !parse_key_hash(hash))
        fields.error("hash", "must be what `pilotlight hash-key` prints: sha256:... or scrypt:...");
    key.hash = hash;
    fields.number("running", key.running, 1, 1'000'000);
    fields.number("waiting", key.waiting, 1, 1'000'000);
    fields.number("withoutSlot", key.without_slot, 1, 1'000'000);
    fields.close();
    return key;
}

}  // namespace

void read_access(Fields& spec, Gateway& gateway) {
    const Node* node = spec.find("access");
    if (!node) return;
    const auto path = spec.path_of("access");
    std::set<std::string> lists;
    std::size_t keys = 0;
    for (const auto& item : read_list(node, path, spec.problems())) {
        const auto here = path + "[" + std::to_string(gateway.access.size()) + "]";
        Fields fields(item.get(), here, spec.problems());
        AccessList list;
        if (fields.need_text("name", list.name) && !lists.insert(list.name).second)
            fields.error("name", quote(list.name) + " is there twice");
        if (!list.name.empty() && (!is_key_name(list.name) || list.name == "none"))
            fields.error("name", "must be a word of up to 64 letters, digits and -_. , and not none");
        fields.flag("forwardKey", list.forward_key);
        std::set<std::string> names;
        const auto keys_path = here + ".keys";
        if (const Node* all = fields.need("keys"))
            for (const auto& one : read_list(all, keys_path, spec.problems())) {
                auto key =
                    read_key(*one, keys_path + "[" + std::to_string(list.keys.size()) + "]", spec.problems());
                if (!key.name.empty() && !names.insert(key.name).second)
                    spec.problems().error(one->place, keys_path + ": " + quote(key.name) + " is there twice");
                list.keys.push_back(std::move(key));
            }
        keys += list.keys.size();
        fields.close();
        gateway.access.push_back(std::move(list));
    }
    if (keys > most_keys) spec.error("access", "there may be " + std::to_string(most_keys) + " keys at most");
}

}  // namespace manifest
