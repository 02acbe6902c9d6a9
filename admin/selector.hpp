// labelSelector and fieldSelector of the Kubernetes API. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

class Selector {
public:
    // Both throw std::invalid_argument with a sentence about what is not understood.
    static Selector labels(std::string_view text);  // "app=x,tier!=y,key,!key,env in (a,b),env notin (c)"
    static Selector fields(std::string_view text);  // "metadata.name=x,status.phase!=Running"

    bool matches(const boost::json::object&) const;

private:
    enum class Test { equal, differs, exists, missing };
    struct Term {
        std::vector<std::string> path;
        Test test;
        std::vector<std::string> values;  // one of them
    };
    using Named = std::pair<std::string, Term>;
    static std::vector<Named> split(std::string_view text);
    static Named one_term(std::string_view part);
    static Named set_term(std::string_view part);

    std::vector<Term> terms_;
};

}  // namespace admin
