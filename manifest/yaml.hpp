// YAML text -> plain trees that know where they were written. Everything that YAML lets grow is bounded here:
// depth, size, what aliases expand to, the number of documents.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/problem.hpp"

namespace manifest {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
    std::string key;
    Place place;  // of the key
    NodePtr value;
};

struct Node {
    enum class Kind { null, scalar, list, map };

    Kind kind = Kind::null;
    Place place;
    std::string text;            // of a scalar
    bool plain = false;          // a scalar without quotes or tag: it may be a number or a truth value
    Place literal{};             // of a literal block (|): where its first line stands; line 0: it is none
    std::vector<NodePtr> items;  // of a list
    std::vector<Entry> entries;  // of a map, in order, no key twice
    std::size_t weight = 1;      // nodes in this tree, every alias counted as what it stands for
    int height = 1;              // levels of this tree

    bool is_null() const { return kind == Kind::null; }
    bool is_map() const { return kind == Kind::map; }
    bool is_list() const { return kind == Kind::list; }
    bool is_scalar() const { return kind == Kind::scalar; }

    // The value of a key; null if there is none, or nothing behind it.
    const Node* find(std::string_view key) const;
};

namespace yaml_limits {
inline constexpr std::size_t file_bytes = 1 << 20;  // etcd takes 1.5 MiB for one object
inline constexpr int depth = 64;
inline constexpr std::size_t nodes = 200'000;  // of one file, aliases expanded
inline constexpr std::size_t scalar_bytes = 256 << 10;
inline constexpr std::size_t documents = 1000;  // in one file
inline constexpr std::size_t open_brackets = 1000;
}  // namespace yaml_limits

// The documents of a file, empty ones left out. What is wrong is told to `problems`; what was read whole
// before that is returned all the same.
std::vector<NodePtr> parse_yaml(std::string_view file, std::string_view text, Problems& problems);

// "a text", "a list" ...: what a node is, for messages.
std::string describe(const Node& node);

}  // namespace manifest
