# Words of awk: arrays, functions, strings, numbers, sorting by hand.
function gcd(a, b) { return b == 0 ? a : gcd(b, a % b) }
{
    sum[$3] += $1
    divisors[gcd($1, 360)]++
    if (match($4, /\.[0-9]+/))
        fractions[substr($4, RSTART, RLENGTH)]++
}
END {
    for (k = 0; k < 97; k++)
        printf "%d %d %.3f\n", k, sum[k], sum[k] / (k + 0.5)
    for (k = 1; k <= 360; k++)
        if (k in divisors)
            print k, divisors[k]
    for (f in fractions)
        n++
    print n, toupper("done"), sprintf("%05.1f|%-8s|%e", 3.14159, "left", 12345.678)
}
