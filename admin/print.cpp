#include "admin/print.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cctype>

namespace admin {
namespace {

namespace json = boost::json;

bool empty_container(const json::value& value) {
    return (value.is_object() && value.get_object().empty()) ||
           (value.is_array() && value.get_array().empty());
}

void pretty(std::string& out, const json::value& value, std::size_t depth) {
    const auto line = [&](std::size_t at) { (out += '\n').append(at * 4, ' '); };
    const auto entries = [&](char open, const auto& all, char close, const auto& one) {
        out += open;
        for (auto entry = all.begin(); entry != all.end(); ++entry) {
            if (entry != all.begin()) out += ',';
            line(depth + 1);
            one(*entry);
        }
        line(depth);
        out += close;
    };
    if (empty_container(value) || (!value.is_object() && !value.is_array())) {
        out += json::serialize(value);
    } else if (value.is_object()) {
        entries('{', value.get_object(), '}', [&](const auto& field) {
            out += json::serialize(field.key()) + ": ";
            pretty(out, field.value(), depth + 1);
        });
    } else {
        entries('[', value.get_array(), ']', [&](const auto& element) { pretty(out, element, depth + 1); });
    }
}

// Whether a text may stand in YAML without quotes and is then read as that text: it looks like a word, not
// like a number, a date or one of the words that some readers take for booleans.
bool plain(std::string_view text) {
    static constexpr std::array<std::string_view, 11> special{"true", "false", "yes", "no",  "on", "off",
                                                              "null", "y",     "n",   "nan", "inf"};
    if (text.empty() || text.back() == ' ' || text.back() == ':') return false;
    if (!std::isalpha(static_cast<unsigned char>(text.front())) && text.front() != '/' && text.front() != '_')
        return false;
    if (text.find(": ") != std::string_view::npos) return false;
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (std::ranges::find(special, lower) != special.end()) return false;
    return std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("_./-:@ +,=()").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

// A JSON string is a YAML string (YAML 1.2 section 1.3), as is every other JSON scalar.
std::string scalar(const json::value& value) {
    if (value.is_string() && plain(std::string_view(value.get_string())))
        return std::string(value.get_string());
    return json::serialize(value);
}

std::string key(std::string_view text) {
    return plain(text) ? std::string(text) : json::serialize(json::string(text));
}

void block(std::string& out, const json::value& value, std::size_t indent, bool first_line_begun) {
    const auto begin_line = [&] {
        if (!std::exchange(first_line_begun, false)) out.append(indent, ' ');
    };
    if (value.is_object() && !value.get_object().empty()) {
        for (const auto& field : value.get_object()) {
            begin_line();
            out += key(field.key()) + ":";
            const auto& inner = field.value();
            const bool nested = (inner.is_object() || inner.is_array()) && !empty_container(inner);
            if (!nested) {
                out += " " + scalar(inner) + "\n";
            } else {
                out += '\n';
                block(out, inner, inner.is_array() ? indent : indent + 2, false);
            }
        }
    } else if (value.is_array() && !value.get_array().empty()) {
        for (const auto& element : value.get_array()) {
            begin_line();
            out += "- ";
            block(out, element, indent + 2, true);
        }
    } else {
        out += scalar(value) + "\n";
    }
}

std::size_t width(std::string_view text) {  // in characters, as far as one character is one column
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

}  // namespace

std::string pretty_json(const json::value& value) {
    std::string out;
    pretty(out, value, 0);
    return out + "\n";
}

std::string yaml(const json::value& value) {
    std::string out;
    block(out, value, 0, false);
    return out;
}

std::string Columns::print(const std::vector<std::vector<std::string>>& rows) {
    constexpr std::size_t apart = 3, narrowest = 6;  // k8s.io/cli-runtime pkg/printers/tabwriter.go
    for (const auto& row : rows) {
        widths_.resize(std::max(widths_.size(), row.size()), narrowest);
        for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width(row[i]) + apart);
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths_[i] - width(row[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

std::string printable_cell(std::string_view text) {
    std::string out;
    const auto line = text.substr(0, text.find('\n'));
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto u = static_cast<unsigned char>(line[i]);
        const auto next = i + 1 < line.size() ? static_cast<unsigned char>(line[i + 1]) : 0;
        if (u < 0x20 || u == 0x7f) {
            (out += '^') += static_cast<char>(u ^ 0x40u);
        } else if (u == 0xc2 && next >= 0x80 && next < 0xa0) {  // C1: U+009B begins a command as ESC [ does
            ((out += '^') += '[') += static_cast<char>(next - 0x40);
            ++i;
        } else {
            out += line[i];
        }
    }
    if (text.find('\n') != std::string_view::npos) out += "...";
    return out;
}

}  // namespace admin
