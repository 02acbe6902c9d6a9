// Writes the text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Pure.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace admin {

inline std::string escape_label(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (c == '\n')
            out += "\\n";
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    return out;
}

class Text {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(to_, "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    template <class Value>
    void sample(std::string_view labels, Value value) {
        if (labels.empty())
            fmt::format_to(to_, "{} {}\n", name_, value);
        else
            fmt::format_to(to_, "{}{{{}}} {}\n", name_, labels, value);
    }
    // The count is the sum of the buckets as read here, so that +Inf and _count agree while workers go on
    // counting.
    template <class Values>
    void histogram(const std::string& labels, const Values& values, double unit) {
        const std::string_view comma = labels.empty() ? "" : ",";
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < Values::bounds.size(); ++i) {
            count += values.count(i);
            fmt::format_to(to_, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name_, labels, comma,
                           Values::bounds[i] * unit, count);
        }
        count += values.count(Values::bounds.size());
        fmt::format_to(to_, "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name_, labels, comma, count);
        fmt::format_to(to_, "{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name_, labels, values.sum() * unit,
                       count);
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
    std::back_insert_iterator<std::string> to_{out_};
    std::string name_;
};

}  // namespace admin
