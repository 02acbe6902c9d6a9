#include "manifest/problem.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace manifest {

namespace {

char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment: a swap of two neighbours is one slip, like a letter too many, too few or wrong.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = lower_case(a[i - 1]) == lower_case(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && lower_case(a[i - 1]) == lower_case(b[j - 2]) &&
                lower_case(a[i - 2]) == lower_case(b[j - 1]))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = std::exchange(last, row);
    }
    return last[b.size()];
}

// Keys and values can carry any character, by YAML's escapes; a terminal or a log must not see them raw.
std::string printable(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string safe;
    text = text.substr(0, 2000);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        // U+0080 to U+009F are control characters too.
        const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (c == '\n')
            safe += "\\n";
        else if (c == '\t')
            safe += "\\t";
        else if (byte < 0x20 || byte == 0x7f || c1)
            ((safe += "\\x") += hex[byte >> 4]) += hex[byte & 15];
        else
            safe += c;
    }
    return safe;
}

}  // namespace

std::string to_string(const Place& place) {
    return std::string(place.file) + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string to_string(const Problem& problem) {
    std::string text = problem.file;
    if (problem.line > 0) text += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
    return text + (problem.warning ? ": warning: " : ": ") + problem.text;
}

void Problems::add(const Place& place, std::string_view text, bool warning) {
    if (!warning) ++errors_;
    if (problems_.size() >= most) {
        ++left_out_;
        return;
    }
    problems_.push_back({std::string(place.file), place.line, place.column, printable(text), warning});
}

void Problems::error(const Place& place, std::string_view text) {
    add(place, text, false);
}

void Problems::warning(const Place& place, std::string_view text) {
    add(place, text, true);
}

void Problems::warn_once(std::string_view key, const Place& place, std::string_view text) {
    if (warned_.contains(key)) return;
    warned_.emplace(key);
    warning(place, text);
}

std::vector<Problem> Problems::take(std::span<const std::string_view> files) {
    const auto rank = [&](const Problem& problem) {
        return std::ranges::find(files, problem.file) - files.begin();
    };
    std::vector<std::pair<std::ptrdiff_t, Problem>> ranked;
    ranked.reserve(problems_.size());
    for (auto& problem : problems_) ranked.emplace_back(rank(problem), std::move(problem));
    std::ranges::stable_sort(ranked, {}, [](const auto& entry) {
        return std::tuple(entry.first, entry.second.line, entry.second.column);
    });
    problems_.clear();
    std::vector<Problem> sorted;
    for (auto& [unused, problem] : ranked) sorted.push_back(std::move(problem));
    if (left_out_ > 0 && !sorted.empty())
        sorted.push_back({sorted.back().file, 0, 0,
                          "and " + std::to_string(left_out_) + " more; mend these first", errors_ == 0});
    return sorted;
}

std::string quote(std::string_view value) {
    constexpr std::size_t longest = 80;
    const bool cut = value.size() > longest;
    if (cut) {
        value = value.substr(0, longest);
        // Not in the middle of a UTF-8 sequence.
        const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
        while (!value.empty() && continues(value.back())) value.remove_suffix(1);
        if (!value.empty() && static_cast<unsigned char>(value.back()) >= 0xc0) value.remove_suffix(1);
    }
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + (cut ? "...\"" : "\"");
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    constexpr std::size_t longest = 100;  // the distance is quadratic
    if (word.empty() || word.size() > longest) return {};
    std::string_view best;
    // A third of the letters wrong is another word, not a slip.
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto candidate : candidates) {
        if (candidate.size() > longest) continue;
        if (const auto d = distance(word, candidate); d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
    const auto best = nearest(word, candidates);
    return best.empty() ? "" : "; did you mean " + std::string(best) + "?";
}

std::string either(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

}  // namespace manifest
