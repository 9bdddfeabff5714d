/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors: RFC 1320 and 1321 (MD4, MD5), FIPS 180-4 and 202 (SHA), RFC 7693 (BLAKE2), the
 * BLAKE3 and xxHash projects, the authors' pages of RIPEMD-160 and Whirlpool, GB/T 32905 (SM3),
 * the CRC catalogue (check values of "123456789"), RFC 1950's Adler-32, the Keccak team.
 */
#include "digest.h"

#define DIGITS80 "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define BITS448  "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define HUNDRED_A                                                                                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aa"

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OPENSSL(name) COMMAND("openssl", "dgst", "-r", "-provider", "legacy", "-provider", "default", name)
#define END {NULL, 0, NULL}

const struct algorithm algorithms[] = {
    {"adler32", "adler32", 4, PARAMETER_NONE, 0, 0, COMMAND("adler32"),
     {{"", 0, "00000001"}, {"abc", 0, "024d0127"}, {"Wikipedia", 0, "11e60398"}, END}},
    {"blake2b", "blake2b", 64, PARAMETER_INIT, 512, 0, COMMAND("b2sum"),
     {{"abc", 0,
       "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
       "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"}, END}},
    {"blake2s", "blake2s", 32, PARAMETER_INIT, 256, 0, OPENSSL("-blake2s256"),
     {{"abc", 0, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"}, END}},
    {"blake3", "blake3", 32, PARAMETER_INIT, 0, 32, COMMAND("b3sum"),
     {{"", 0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      {"abc", 0, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"}, END}},
    {"crc32", "crc32", 4, PARAMETER_INIT, 0xedb88320, 0, COMMAND("crc32"),
     {{"", 0, "00000000"}, {"123456789", 0, "cbf43926"}, END}},
    {"crc32c", "crc32", 4, PARAMETER_INIT, 0x82f63b78, 0, NULL,
     {{"123456789", 0, "e3069283"}, END}},
    {"crc64", "crc64", 8, PARAMETER_BUFFER, 0xc96c5795d7870f42, 0, COMMAND("xz crc64"),
     {{"", 0, "0000000000000000"}, {"123456789", 0, "995dc9bbdf1939fa"}, END}},
    {"md4", "md4", 16, PARAMETER_NONE, 0, 0, OPENSSL("-md4"),
     {{"", 0, "31d6cfe0d16ae931b73c59d7e0c089c0"}, {"abc", 0, "a448017aaf21d8525fc10ae87aa6729d"},
      {DIGITS80, 0, "e33b4ddc9c38f2199c3e7b164fcc0536"}, END}},
    {"md5", "md5", 16, PARAMETER_NONE, 0, 0, COMMAND("md5sum"),
     {{"", 0, "d41d8cd98f00b204e9800998ecf8427e"}, {"abc", 0, "900150983cd24fb0d6963f7d28e17f72"},
      {DIGITS80, 0, "57edf4a22be3c955ac49da2e2107b67a"}, END}},
    {"ripemd160", "ripemd160", 20, PARAMETER_NONE, 0, 0, OPENSSL("-ripemd160"),
     {{"", 0, "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
      {"abc", 0, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
      {HUNDRED_A, 10000, "52783243c1697bdbe16d37f97f68f08325dc1528"}, END}},
    {"sha1", "sha1", 20, PARAMETER_NONE, 0, 0, COMMAND("sha1sum"),
     {{"abc", 0, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {BITS448, 0, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {HUNDRED_A, 10000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"}, END}},
    {"sha224", "sha256", 28, PARAMETER_INIT, 224, 0, COMMAND("sha224sum"),
     {{"abc", 0, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"}, END}},
    {"sha256", "sha256", 32, PARAMETER_INIT, 256, 0, COMMAND("sha256sum"),
     {{"abc", 0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {BITS448, 0, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {HUNDRED_A, 10000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}, END}},
    {"keccak256", "sha3", 32, PARAMETER_INIT, 256, 1, NULL,
     {{"", 0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"}, END}},
    {"sha3-256", "sha3", 32, PARAMETER_INIT, 256, 6, OPENSSL("-sha3-256"),
     {{"", 0, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"}, END}},
    {"sha3-512", "sha3", 64, PARAMETER_INIT, 512, 6, OPENSSL("-sha3-512"),
     {{"abc", 0,
       "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
       "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"}, END}},
    {"sha384", "sha512", 48, PARAMETER_INIT, 384, 0, COMMAND("sha384sum"),
     {{"abc", 0,
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
       "8086072ba1e7cc2358baeca134c825a7"}, END}},
    {"sha512", "sha512", 64, PARAMETER_INIT, 512, 0, COMMAND("sha512sum"),
     {{"abc", 0,
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"}, END}},
    {"sm3", "sm3", 32, PARAMETER_NONE, 0, 0, OPENSSL("-sm3"),
     {{"abc", 0, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"}, END}},
    {"whirlpool", "whirlpool", 64, PARAMETER_NONE, 0, 0, OPENSSL("-whirlpool"),
     {{"", 0,
       "19fa61d75522a4669b44e39c1d2e1726c530232130d407f89afee0964997f7a7"
       "3e83be698b288febcf88e3e03c4f0757ea8964e59b63d93708b138cc42a66eb3"},
      {"abc", 0,
       "4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c"
       "7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5"}, END}},
    {"xxhash128", "xxhash128", 16, PARAMETER_BUFFER, 0, 0, COMMAND("xxhsum", "-H2"),
     {{"", 0, "99aa06d3014798d86001c324468d497f"}, {"abc", 0, "06b05ab6733a618578af5f94892f3950"},
      END}},
    {"xxhash3", "xxhash3", 8, PARAMETER_BUFFER, 0, 0, COMMAND("xxhsum", "-H3"),
     {{"", 0, "2d06800538d394c2"}, {"abc", 0, "78af5f94892f3950"}, END}},
    {"xxhash32", "xxhash32", 4, PARAMETER_INIT, 0, 0, COMMAND("xxhsum", "-H0"),
     {{"", 0, "02cc5d05"}, {"abc", 0, "32d153ff"}, END}},
    {"xxhash64", "xxhash64", 8, PARAMETER_BUFFER, 0, 0, COMMAND("xxhsum", "-H1"),
     {{"", 0, "ef46db3751d8e999"}, {"abc", 0, "44bc2cf5ad770999"}, END}},
    {NULL, NULL, 0, PARAMETER_NONE, 0, 0, NULL, {END}},
};
