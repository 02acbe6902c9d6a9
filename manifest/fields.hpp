// One mapping of a manifest while it is read: gives typed values and knows which fields were asked for, so
// that close() can name the ones that nobody knows. What is wrong goes to the problems; the value then keeps
// its default.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/problem.hpp"
#include "manifest/yaml.hpp"

namespace manifest {

// A text with the places where it was written: a value of metadata.annotations, of a ConfigMap's data.
struct Annotation {
    std::string value;
    Place place;  // of the key
    Place value_place;
    Place literal{};  // of the first line of a literal block (|); line 0: it is none
};
using Annotations = std::map<std::string, Annotation, std::less<>>;

class Fields {
public:
    using milliseconds = std::chrono::milliseconds;

    // A node that is no mapping is a problem and has no fields. Null: an absent mapping, likewise without
    // fields.
    Fields(const Node* node, std::string path, Problems& problems);

    // The value of a field; null if absent or empty. The field counts as known.
    const Node* find(std::string_view name);
    // Like find, but absence is a problem.
    const Node* need(std::string_view name);

    void text(std::string_view name, std::string& out);
    // A text that must be there and not be empty. False: it is told to the problems.
    bool need_text(std::string_view name, std::string& out);
    void texts(std::string_view name, std::vector<std::string>& out);
    void flag(std::string_view name, bool& out);
    void one_of(std::string_view name, std::string& out, std::span<const std::string_view> choices);
    void one_of(std::string_view name, std::string& out, std::initializer_list<std::string_view> choices) {
        one_of(name, out, std::span(choices.begin(), choices.size()));
    }
    // Within [low, high], ends included; the message says the range.
    void duration(std::string_view name, milliseconds& out, milliseconds low, milliseconds high);
    void size(std::string_view name, std::uint64_t& out, std::uint64_t low, std::uint64_t high);
    bool integer(std::string_view name, std::int64_t& out, std::int64_t low, std::int64_t high);

    template <std::integral Int>
    bool number(std::string_view name, Int& out, std::int64_t low, std::int64_t high) {
        std::int64_t value = 0;
        const bool given = integer(name, value, low, high);
        if (given) out = static_cast<Int>(value);
        return given;
    }
    bool whole_seconds(std::string_view name, std::chrono::seconds& out, std::int64_t low, std::int64_t high);

    // Fields that are right elsewhere and mean nothing here: said once a name in the whole configuration.
    void means_nothing(std::span<const std::string_view> names, std::string_view why = {});
    void means_nothing(std::initializer_list<std::string_view> names, std::string_view why = {}) {
        means_nothing(std::span(names.begin(), names.size()), why);
    }
    // Fields that are taken without a word.
    void accept(std::initializer_list<std::string_view> names);

    // Every field that was not asked for is an error. Call it last.
    void close();

    // "spec.containers[0].image"
    std::string path_of(std::string_view name) const;
    const std::string& path() const { return path_; }
    Place place() const { return node_ ? node_->place : Place{}; }
    // Of a field's value, else of the mapping.
    Place place_of(std::string_view name) const;
    Problems& problems() const { return problems_; }
    explicit operator bool() const { return node_ != nullptr; }

    void error(std::string_view name, const std::string& text) {
        problems_.error(place_of(name), path_of(name) + ": " + text);
    }

private:
    const Node* node_;
    std::string path_;
    Problems& problems_;
    std::vector<std::string_view> known_;
};

// The text of a scalar. Kubernetes does not turn a number or a truth value into a text: neither do we, and
// say how to write it. False: it is told to the problems.
bool read_text(const Node& node, const std::string& path, Problems& problems, std::string& out);

// "spec.containers[0]", of "spec.containers"
inline std::string path_of_item(const std::string& list, std::size_t index) {
    return list + "[" + std::to_string(index) + "]";
}

// The items of a list, empty and a problem if the node is none. Null: none.
const std::vector<NodePtr>& read_list(const Node* node, const std::string& path, Problems& problems);

// A mapping of texts to texts. Null: none.
Annotations read_annotations(const Node* node, const std::string& path, Problems& problems);

}  // namespace manifest
