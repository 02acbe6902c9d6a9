#include "manifest/fields.hpp"

#include <algorithm>
#include <array>

#include "manifest/units.hpp"

namespace manifest {

namespace {

// What YAML 1.1, which Kubernetes reads, takes for something other than a text.
bool is_text(const Node& node) {
    constexpr std::array<std::string_view, 18> words{"true", "True", "TRUE", "false", "False", "FALSE",
                                                     "yes",  "Yes",  "YES",  "no",    "No",    "NO",
                                                     "on",   "On",   "ON",   "off",   "Off",   "OFF"};
    if (!node.plain) return true;
    if (std::ranges::find(words, node.text) != words.end()) return false;
    const bool hex_or_octal = node.text.size() > 2 && node.text[0] == '0' &&
                              (node.text[1] == 'x' || node.text[1] == 'o') &&
                              node.text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos;
    return !hex_or_octal && !parse_number(node.text);
}

std::string in_quotes(const Node& node) {
    return "write it in quotes: " + quote(node.text);
}

}  // namespace

bool read_text(const Node& node, const std::string& path, Problems& problems, std::string& out) {
    if (!node.is_scalar()) {
        problems.error(node.place, path + ": must be a text, not " + describe(node));
        return false;
    }
    if (!is_text(node)) {
        problems.error(node.place, path + ": must be a text; " + in_quotes(node));
        return false;
    }
    out = node.text;
    return true;
}

const std::vector<NodePtr>& read_list(const Node* node, const std::string& path, Problems& problems) {
    static const std::vector<NodePtr> none;
    if (!node) return none;
    if (node->is_list()) return node->items;
    problems.error(node->place, path + ": must be a list, not " + describe(*node));
    return none;
}

Annotations read_annotations(const Node* node, const std::string& path, Problems& problems) {
    Annotations annotations;
    if (!node) return annotations;
    if (!node->is_map()) {
        problems.error(node->place, path + ": must be a mapping, not " + describe(*node));
        return annotations;
    }
    for (const auto& entry : node->entries) {
        std::string value;
        if (!entry.value->is_null() && !read_text(*entry.value, path + "." + entry.key, problems, value))
            continue;
        annotations.emplace(
            entry.key, Annotation{std::move(value), entry.place, entry.value->place, entry.value->literal});
    }
    return annotations;
}

Fields::Fields(const Node* node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
    if (node_ && !node_->is_map()) {
        problems_.error(node_->place, path_ + ": must be a mapping, not " + describe(*node_));
        node_ = nullptr;
    }
}

std::string Fields::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

Place Fields::place_of(std::string_view name) const {
    if (!node_) return {};
    for (const auto& entry : node_->entries)
        if (entry.key == name) return entry.value->is_null() ? entry.place : entry.value->place;
    return node_->place;
}

const Node* Fields::find(std::string_view name) {
    known_.push_back(name);
    return node_ ? node_->find(name) : nullptr;
}

const Node* Fields::need(std::string_view name) {
    const Node* value = find(name);
    if (!value && node_) error(name, "missing");
    return value;
}

void Fields::text(std::string_view name, std::string& out) {
    if (const Node* value = find(name)) read_text(*value, path_of(name), problems_, out);
}

bool Fields::need_text(std::string_view name, std::string& out) {
    const Node* value = need(name);
    if (!value || !read_text(*value, path_of(name), problems_, out)) return false;
    if (out.empty()) error(name, "must not be empty");
    return !out.empty();
}

void Fields::texts(std::string_view name, std::vector<std::string>& out) {
    const Node* list = find(name);
    if (!list) return;
    std::vector<std::string> read;
    const auto path = path_of(name);
    for (const auto& item : read_list(list, path, problems_)) {
        auto& text = read.emplace_back();
        read_text(*item, path + "[" + std::to_string(read.size() - 1) + "]", problems_, text);
    }
    out = std::move(read);
}

void Fields::flag(std::string_view name, bool& out) {
    const Node* value = find(name);
    if (!value) return;
    if (value->plain && (value->text == "true" || value->text == "false")) {
        out = value->text == "true";
        return;
    }
    error(name, "must be true or false" + std::string(value->plain ? "" : ", without quotes") + ", not " +
                    describe(*value));
}

void Fields::one_of(std::string_view name, std::string& out, std::span<const std::string_view> words) {
    const Node* value = find(name);
    // "off" is a word here, whatever YAML 1.1 takes it for.
    if (!value || (!value->is_scalar() && !read_text(*value, path_of(name), problems_, out))) return;
    if (std::ranges::find(words, value->text) == words.end())
        return error(name, "must be " + either(words) + ", not " + quote(value->text) +
                               (words.size() > 1 ? did_you_mean(value->text, words) : ""));
    out = value->text;
}

void Fields::duration(std::string_view name, milliseconds& out, milliseconds low, milliseconds high) {
    const Node* value = find(name);
    if (!value) return;
    const auto read = value->is_scalar() ? parse_duration(value->text) : std::nullopt;
    if (!read)
        return error(name,
                     "must be a duration such as \"10s\", \"1m30s\" or \"500ms\", not " + describe(*value));
    if (*read < low || *read > high)
        return error(name, "must be from " + format_duration(low) + " to " + format_duration(high) +
                               ", not " + quote(value->text));
    out = std::chrono::duration_cast<milliseconds>(*read);
}

void Fields::size(std::string_view name, std::uint64_t& out, std::uint64_t low, std::uint64_t high) {
    const Node* value = find(name);
    if (!value) return;
    const auto read = value->is_scalar() ? parse_quantity(value->text) : std::nullopt;
    if (!read)
        return error(name, "must be a size such as \"32Ki\", \"256Mi\" or \"1Gi\", not " + describe(*value));
    if (*read < low || *read > high)
        return error(name, "must be from " + format_quantity(low) + " to " + format_quantity(high) +
                               ", not " + quote(value->text));
    out = *read;
}

bool Fields::integer(std::string_view name, std::int64_t& out, std::int64_t low, std::int64_t high) {
    const Node* value = find(name);
    if (!value) return false;
    const auto read = value->is_scalar() ? parse_integer(value->text) : std::nullopt;
    if (!read || !value->plain) {
        error(name, "must be a whole number" + std::string(read ? ", without quotes" : "") + ", not " +
                        describe(*value));
        return false;
    }
    if (*read < low || *read > high) {
        error(name,
              "must be from " + std::to_string(low) + " to " + std::to_string(high) + ", not " + value->text);
        return false;
    }
    out = *read;
    return true;
}

bool Fields::whole_seconds(std::string_view name, std::chrono::seconds& out, std::int64_t low,
                           std::int64_t high) {
    std::int64_t value = 0;
    const bool given = integer(name, value, low, high);
    if (given) out = std::chrono::seconds{value};
    return given;
}

void Fields::means_nothing(std::span<const std::string_view> names, std::string_view why) {
    for (const auto name : names) {
        known_.push_back(name);
        if (!node_) continue;
        for (const auto& entry : node_->entries)
            if (entry.key == name)
                problems_.warn_once(name, entry.place,
                                    path_of(name) + ": means nothing here and is ignored" +
                                        (why.empty() ? "" : "; " + std::string(why)));
    }
}

void Fields::accept(std::initializer_list<std::string_view> names) {
    known_.insert(known_.end(), names);
}

void Fields::close() {
    if (!node_) return;
    for (const auto& entry : node_->entries) {
        if (std::ranges::find(known_, entry.key) != known_.end()) continue;
        auto advice = did_you_mean(entry.key, known_);
        if (advice.empty() && known_.size() <= 12) advice = "; known here: " + either(known_);
        problems_.error(entry.place, path_of(entry.key) + ": unknown field" + advice);
    }
}

}  // namespace manifest
