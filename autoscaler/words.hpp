// Numbers as the reasons of the autoscaler say them.
#pragma once

#include <chrono>
#include <string>

namespace autoscaler {

std::string number(double);                       // "5", "0.4", "3.14", "1200"
std::string pods(int);                            // "1 pod", "5 pods"
std::string duration(std::chrono::milliseconds);  // "6 s", "0.5 s"

}  // namespace autoscaler
