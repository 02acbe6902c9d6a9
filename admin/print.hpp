// Objects and tables as text, as kubectl prints them. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

namespace admin {

std::string pretty_json(const boost::json::value&);  // indented by four, with a final line feed
std::string yaml(const boost::json::value&);         // block style, with a final line feed

// Rows in columns, three spaces apart. Widths are remembered and only grow, so that what a watch prints later
// stands under what it printed first (kubectl's tabwriter with RememberWidths).
class Columns {
public:
    std::string print(const std::vector<std::vector<std::string>>& rows);

private:
    std::vector<std::size_t> widths_;
};

// A cell on a terminal: the first line only, control characters made visible.
std::string printable_cell(std::string_view);

}  // namespace admin
