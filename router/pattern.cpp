#include "router/pattern.hpp"

#include <algorithm>

namespace router {
namespace {

constexpr std::size_t most_expanded = 256;
constexpr std::size_t longest = 1000;

struct Mistake {
    std::string_view sign;
    std::string_view advice;
};

// Regular expressions are what people write first.
constexpr Mistake mistakes[]{
    {".*", "'.*' is a regular expression; write ** for whatever follows, * for one segment"},
    {".+", "'.+' is a regular expression; write ** for whatever follows, * for one segment"},
    {"[", "'[' is a regular expression; write * for any one segment, (a|b) for one of two"},
    {"\\", "'\\' escapes nothing here; write the path as it is"},
    {"^", "'^' is not needed: a pattern is always the whole path"},
    {"$", "'$' is not needed: a pattern is always the whole path"},
    {"%", "write the path decoded: a space as it is meant, not %20"},
    {"***", "write ** for whatever follows"},
};

std::string wrong_before_groups(std::string_view pattern) {
    if (pattern.size() > longest) return "the pattern is longer than 1000 octets";
    if (!pattern.starts_with('/') && !pattern.starts_with("(/"))
        return "a pattern begins with /, as in /sdapi/v1/**";
    for (const auto& [sign, advice] : mistakes)
        if (pattern.find(sign) != std::string_view::npos) return std::string(advice);
    return {};
}

std::string wrong_after_groups(std::string_view plain) {
    if (!plain.empty() && plain.front() != '/')
        return "without its optional group the pattern would not begin with /; write (/api)?/prompt";
    if (plain.find('?') != std::string_view::npos)
        return "'?' only makes a group optional, as in (/api)?/prompt; a query is no part of the path";
    const auto rest = plain.find("**");
    if (rest != std::string_view::npos && rest + 2 != plain.size())
        return "** stands for whatever follows and so comes last; write * for one segment";
    return {};
}

// The octets of `pattern` from `at` on, behind every one of `begun`.
void append(std::vector<std::string>& begun, std::string_view text) {
    for (auto& one : begun) one += text;
}

// The group that opens at `at`; moves `at` behind it.
std::string expand_group(std::string_view pattern, std::size_t& at, std::vector<std::string>& begun) {
    const auto end = pattern.find(')', at);
    if (end == std::string_view::npos) return "a ( without its )";
    auto inside = pattern.substr(at + 1, end - at - 1);
    if (inside.find('(') != std::string_view::npos)
        return "a group in a group; write its cases as rules of their own";
    at = end + 1;
    std::vector<std::string> out;
    if (at < pattern.size() && pattern[at] == '?') out = begun, ++at;
    for (;;) {
        const auto bar = inside.find('|');
        const auto choice = inside.substr(0, bar);
        if (choice.empty()) return "an empty choice in a group; write (x)? for x or nothing";
        if (out.size() + begun.size() > most_expanded)
            return "the groups stand for more than 256 paths; write some rules of their own";
        for (const auto& one : begun) out.push_back(one + std::string(choice));
        if (bar == std::string_view::npos) break;
        inside.remove_prefix(bar + 1);
    }
    begun = std::move(out);
    return {};
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

}  // namespace

Expanded expand(std::string_view pattern) {
    Expanded out{{""}, wrong_before_groups(pattern)};
    for (std::size_t at = 0; at < pattern.size() && out.wrong.empty();) {
        const auto end = std::min(pattern.find_first_of("()|", at), pattern.size());
        append(out.patterns, pattern.substr(at, end - at));
        at = end;
        if (at == pattern.size()) break;
        out.wrong = pattern[at] == '('   ? expand_group(pattern, at, out.patterns)
                    : pattern[at] == ')' ? "a ) without its ("
                                         : "'|' only separates choices, as in (a|b)";
    }
    for (const auto& plain : out.patterns)
        if (out.wrong.empty()) out.wrong = wrong_after_groups(plain);
    return out;
}

bool split_path(std::string_view path, bool files, Segments& out, Dots dots) {
    bool some = false;
    while (!path.empty()) {
        if (path.front() == '/') {
            path.remove_prefix(1);
            continue;
        }
        if (files && path.starts_with("file=")) return out.push_back(path), some;
        const auto segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        const bool is_dots = segment == "." || segment == "..";
        some = some || is_dots;
        if (!is_dots || dots == Dots::literal)
            out.push_back(segment);
        else if (segment == ".." && !out.empty())
            out.pop_back();
    }
    return some;
}

std::string percent_decoded(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (std::size_t at = 0; at < path.size(); ++at) {
        const int high = path[at] == '%' && at + 2 < path.size() ? hex_digit(path[at + 1]) : -1;
        const int low = high >= 0 ? hex_digit(path[at + 2]) : -1;
        out += low >= 0 ? static_cast<char>(high * 16 + low) : path[at];
        if (low >= 0) at += 2;
    }
    return out;
}

void PathIndex::add(std::string_view plain, std::uint16_t rule) {
    if (nodes_.empty()) nodes_.emplace_back();
    const bool rest = plain.ends_with("**");
    if (rest) plain.remove_suffix(2);
    const bool open = rest && !plain.ends_with('/');  // /file=**: the segment goes on as well
    std::vector<std::string> segments;
    for (std::size_t at = 0; at < plain.size();) {
        const auto end = std::min(plain.find('/', at), plain.size());
        if (end > at) segments.emplace_back(plain.substr(at, end - at));
        at = end + 1;
    }
    if (open) segments.back() += '*';
    std::uint32_t at = 0;
    const auto note = [&] { nodes_[at].lowest = std::min<unsigned>(nodes_[at].lowest, rule); };
    note();
    for (const auto& segment : segments) at = child(at, segment), note();
    auto& rules = rest ? nodes_[at].rests : nodes_[at].ends;
    const auto place = std::ranges::lower_bound(rules, rule);
    if (place == rules.end() || *place != rule) rules.insert(place, rule);
}

std::uint32_t PathIndex::child(std::uint32_t node, std::string_view text) {
    const bool glob = text.find('*') != std::string_view::npos;
    auto& edges = glob ? nodes_[node].globs : nodes_[node].literals;
    const auto place =
        std::ranges::lower_bound(edges, text, {}, [](const Edge& e) { return std::string_view(e.text); });
    if (place != edges.end() && place->text == text) return place->node;
    const auto made = static_cast<std::uint32_t>(nodes_.size());
    edges.insert(place, Edge{std::string(text), made});
    nodes_.emplace_back();
    return made;
}

const PathIndex::Edge* PathIndex::literal(const Node& node, std::string_view text) const {
    const auto place = std::ranges::lower_bound(node.literals, text, {},
                                                [](const Edge& e) { return std::string_view(e.text); });
    return place != node.literals.end() && place->text == text ? &*place : nullptr;
}

// The last * takes one octet more whenever what follows it does not fit.
bool PathIndex::matches(std::string_view glob, std::string_view text) {
    std::size_t at = 0, g = 0, star = std::string_view::npos, taken = 0;
    while (at < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++, taken = at;
        } else if (g < glob.size() && glob[g] == text[at]) {
            ++g, ++at;
        } else if (star != std::string_view::npos) {
            g = star + 1, at = ++taken;
        } else {
            return false;
        }
    }
    return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace router
