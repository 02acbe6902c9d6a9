// Patterns of paths, and many of them looked up at once. Pure.
//   /a/b      that path
//   *         within a segment: any octets, also none; as a whole segment: one segment
//   **        at the end: whatever follows, also nothing; /a/** is also /a
//   (x|y)     one of these
//   (/x)?     that, or nothing
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace router {

// A pattern without its groups: every path pattern that it stands for.
struct Expanded {
    std::vector<std::string> patterns;
    std::string wrong;  // what is wrong with it and what to write instead; empty: nothing
};
Expanded expand(std::string_view pattern);

// The segments of a path as a pod may read it: empty ones and "." left out, ".." goes back. With `files`,
// what follows "file=" is the name of a file, and one segment.
using Segments = std::pmr::vector<std::string_view>;
// What "." and ".." are: some frameworks walk them, to others (starlette) they are segments like any.
enum class Dots : unsigned char { walked, literal };
bool split_path(std::string_view path, bool files, Segments& out,
                Dots dots = Dots::walked);  // true: there were some

// Percent-encoding undone, once; what encodes nothing stays.
std::string percent_decoded(std::string_view path);

// Expanded patterns, each with the number of its rule.
class PathIndex {
public:
    void add(std::string_view plain_pattern, std::uint16_t rule);

    // The lowest number among the rules whose pattern matches and which `allows(number)`.
    template <class Allows>
    std::optional<std::uint16_t> first(std::span<const std::string_view> segments,
                                       const Allows& allows) const {
        unsigned best = none;
        if (!nodes_.empty()) walk(0, segments, allows, best);
        return best == none ? std::nullopt : std::optional(static_cast<std::uint16_t>(best));
    }

private:
    static constexpr unsigned none = 1u << 16;
    struct Edge {
        std::string text;
        std::uint32_t node;
    };
    struct Node {
        unsigned lowest = none;                  // rule that is reached from here
        std::vector<Edge> literals;              // sorted
        std::vector<Edge> globs;                 // with a * in them
        std::vector<std::uint16_t> ends, rests;  // rules that end here; that take whatever follows
    };

    std::uint32_t child(std::uint32_t node, std::string_view text);
    const Edge* literal(const Node&, std::string_view text) const;
    static bool matches(std::string_view glob, std::string_view text);

    // Each node is reached by one way only, so a path costs at most one visit a node.
    template <class Allows>
    void walk(std::uint32_t at, std::span<const std::string_view> segments, const Allows& allows,
              unsigned& best) const {
        const Node& node = nodes_[at];
        if (node.lowest >= best) return;
        const auto take = [&](const std::vector<std::uint16_t>& rules) {
            for (const auto rule : rules) {
                if (rule >= best) return;
                if (allows(rule)) best = rule;
            }
        };
        if (!segments.empty()) {
            const auto rest = segments.subspan(1);
            if (const auto* edge = literal(node, segments.front())) walk(edge->node, rest, allows, best);
            for (const auto& glob : node.globs)
                if (matches(glob.text, segments.front())) walk(glob.node, rest, allows, best);
        } else {
            take(node.ends);
        }
        take(node.rests);
    }

    std::vector<Node> nodes_;
};

}  // namespace router
