/* SPDX-License-Identifier: Apache-2.0 */
/* plain_cxx: an ordinary C++ program that knows nothing of mote. It reads words from standard input
 * and from the files that it is given, and says what its language does on the way. */
#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

/* Made before main, gone after it, in the reverse order. */
struct Announced {
    std::string name;
    explicit Announced(std::string n) : name(std::move(n))
    {
        std::cout << "made " << name << '\n';
    }
    ~Announced()
    {
        std::cout << "gone " << name << '\n';
    }
};

Announced first("first"), second("second");
thread_local std::vector<int> own = {1, 2, 3};
thread_local int counter = 40;
std::once_flag once;

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

int deep(int n)
{
    std::unique_ptr<std::string> held = std::make_unique<std::string>(100, 'x');
    if (n == 0)
        throw Failure("from the depth");
    return deep(n - 1) + static_cast<int>(held->size());
}

std::string caught()
{
    try {
        try {
            deep(100);
        } catch (const std::logic_error &) {
            return "the wrong one";
        } catch (...) {
            throw; /* on, as what it was */
        }
    } catch (const Failure &failure) {
        return failure.what();
    }
    return "nothing";
}

std::string out_of_range()
{
    std::vector<int> few(3);
    try {
        return std::to_string(few.at(7));
    } catch (const std::out_of_range &) {
        return "out of range";
    }
}

std::string too_much()
{
    try {
        std::vector<char> all(1ull << 40);
        return "all memory there is";
    } catch (const std::bad_alloc &) {
        return "bad alloc";
    }
}

void count(std::istream &in, std::map<std::string, int> &words)
{
    std::string word;
    while (in >> word)
        words[word]++;
}

void count_file(const char *path, std::map<std::string, int> &words)
{
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    try {
        file.open(path);
    } catch (const std::ios_base::failure &) {
        std::cout << "cannot open " << path << '\n';
        return;
    }
    file.exceptions(std::ios::goodbit);
    count(file, words);
}

} // namespace

int main(int argc, char **argv)
{
    std::map<std::string, int> words;
    std::cout << "caught: " << caught() << '\n';
    std::cout << "caught: " << out_of_range() << '\n';
    std::cout << "caught: " << too_much() << '\n';
    own.push_back(++counter);
    std::cout << "own: " << std::accumulate(own.begin(), own.end(), 0) << '\n';
    for (int i = 0; i < 3; i++)
        std::call_once(once, [] { std::cout << "once\n"; });
    count(std::cin, words);
    for (int i = 1; i < argc; i++)
        count_file(argv[i], words);
    for (const auto &[word, times] : words)
        std::cout << word << ' ' << times << '\n';
    std::ostringstream text;
    text << std::hex << 255 << ' ' << 0.5;
    std::cout << text.str() << std::endl;
    std::cerr << "done\n";
    return static_cast<int>(words.size());
}
