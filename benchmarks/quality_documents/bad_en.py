"""English documents that nobody should train on, kind by kind. Written before the rules; HELD_OUT were not looked at by them."""

# ruff: noqa: E501  (a template is read better on one line)
from functools import partial
from random import Random

from quality_documents.grammar import fill, lines, numbers, some
from quality_documents.words import EN

_lines = partial(lines, EN)


def ad(rng: Random) -> str:
    return _lines(rng, [
        "Order your {thing} today for only ${n:9-99}.99 and get a second bottle FREE!", "Doctors hate this one weird trick that ends {disease} in {n:5-30} days.",
        "Limited time offer! Use code HEALTH{n:10-99} at checkout for {n:20-80}% off.", "Click here to buy now. Free shipping worldwide. Money back guarantee.",
        "Call now: 1-800-{n:100-999}-{n:1000-9999}. Operators are standing by.", "100% natural, no side effects, results guaranteed or your money back!",
        "Over {n:10-900},000 happy customers can't be wrong.", "Act fast, only {n:3-40} left in stock!!!", "Buy {drug} online without prescription, cheap {drug} overnight delivery.",
        "Sign up for a free consultation at {clinic} {city} and claim your bonus gift.", "Become an affiliate and earn ${n:500-5000} a week from home.",
    ], 4, 9, rng.choice(["\n", " "]))


def mojibake(rng: Random) -> str:
    text = _lines(rng, [
        "{disease} is a common condition; patients may present with {symptom} and {symptom}.", "Treatment includes {drug}, {n:5-500} mg {once|twice} daily.",
        "Follow-up with {exam} is advised after {n:2-12} weeks.", "Seek care in {dept} if {symptom} gets worse."], 3, 7, " ")
    way = rng.randrange(4)
    if way == 0:  # bytes of two a letter read as one each
        return text.encode("utf-16-be").decode("utf-16-le", errors="replace")
    if way == 1:
        return "".join("\ufffd" if rng.random() < 0.35 else letter for letter in text)
    if way == 2:  # a wrong page of letters
        return text.encode("cp037", errors="ignore").decode("cp1252", errors="replace")
    return "".join(letter if rng.random() < 0.5 else rng.choice("ÃÂ¢â€™œ¬¦šž§©®¯±²³") + letter for letter in text)


def stuffing(rng: Random) -> str:
    city, disease = rng.choice(EN["city"]), rng.choice(EN["disease"])
    tails = ["treatment", "doctor", "clinic", "cure", "best doctor", "cost", "specialist near me", "symptoms", "natural remedy", "hospital"]
    phrases = [rng.choice([f"{city} {disease} {rng.choice(tails)}", f"{disease} {rng.choice(tails)} {city}", f"best {disease} {rng.choice(tails)}"])
               for _ in range(rng.randint(18, 60))]
    return rng.choice([", ", " ", " | ", "\n"]).join(phrases)


def repeated(rng: Random) -> str:
    sentences = [fill(one, EN, rng) for one in some(rng, [
        "Patients with {disease} should rest and avoid stress at all times.", "If you notice {symptom}, please see a doctor without delay.",
        "Take {drug} as directed and do not change the dose on your own.", "Eat more vegetables and fruit, and keep a positive mood."], 1, 3)]
    return rng.choice(["\n", " ", "\n\n"]).join(sentences * rng.randint(6, 20))


def number_table(rng: Random) -> str:
    return numbers(rng, ["", "Table 3\n", "id a b c\n", "(continued)\n", "Total\n"])


def comment_spam(rng: Random) -> str:
    return _lines(rng, [
        "{name}: first!!", "{name} says: {n:1-12}/{n:1-28}/{n:2008-2023} at {n:1-12}:{n:10-59} pm Reply", "great post, thanks for share", "bump", "+1", "lol", "LOL so true",
        "visit my site http://www.{n:10-999}cheap-pills.ru", "{name}: I make ${n:50-900}/day working from home, check my profile", "nice blog admin, i bookmarked it",
        "[deleted]", "{n:1-99} likes Like Share Report", "sub 4 sub??", "hahahahahaha", "Follow me on insta @{name}", "up up up", "who is watching in {n:2015-2023}?",
    ], 8, 24)


def gambling(rng: Random) -> str:
    return _lines(rng, [
        "Play the best online casino slots and win real money tonight!", "Sign up now and get a ${n:100-900} welcome bonus plus {n:20-200} free spins.",
        "Live dealers, blackjack, roulette and baccarat around the clock.", "Sports betting with the highest odds, instant withdrawals.", "Texas holdem poker rooms open {n:1-24} hours, deposit bonus {n:50-300}%.",
        "Hot singles in your area want to meet you.", "XXX live cams, adult videos, no registration needed.", "Jackpot of ${n:1-90} million, no deposit required.",
        "Trusted casino agent, join our betting site at www.{n:10-999}bet.com", "Escort service {city}, discreet and cheap.",
    ], 4, 9)


def boilerplate(rng: Random) -> str:
    return _lines(rng, [
        "Copyright © {n:1999-2022} {clinic}. All rights reserved.", "Privacy Policy | Terms of Use | Contact Us | Sitemap", "This site uses cookies to improve your experience. By continuing you accept our cookie policy.",
        "The content of this site is for information only and is no substitute for medical advice.", "404 - Page not found", "The page you requested could not be found or has been moved.",
        "Please enable JavaScript to view this page.", "You will be redirected in {n:3-9} seconds.", "Subscribe to our newsletter", "Powered by WordPress | Theme by {clinic}",
        "Reproduction in whole or in part without permission is prohibited.", "Skip to main content", "Accept all cookies Reject all Manage settings", "Best viewed with Internet Explorer {n:6-9} at 1024x768",
    ], 5, 11)


def navigation(rng: Random) -> str:
    entries = ["Home", "About", "News", "Find a Doctor", "Locations", "Health A-Z", "Drugs A-Z", "Services", "Careers", "Donate", "Login", "Register", "Contact", "Blog",
               "Patient Portal", "Appointments", "Insurance", "Events", "Podcasts", "FAQ", "Shop", "Back to top", "More »", *EN["dept"], *EN["disease"]]
    head = fill(rng.choice(["Home > {dept} > {disease}", "You are here: Home / Conditions / {disease}", ""]), EN, rng)
    menu = rng.choice(["\n", " | ", " ", "\n"]).join(rng.choice(entries) for _ in range(rng.randint(25, 70)))
    return f"{head}\n{menu}\n" + _lines(rng, ["Previous: Living with {disease}", "Next: {symptom} explained", "Related articles", "Most popular", "You may also like"], 2, 5)


def truncated(rng: Random) -> str:
    text = fill(rng.choice([
        "The treatment of {disease} starts with its cause, and drugs such as {drug} and {drug} are used while {lab} is watched, since some patients may develop adverse reac",
        "What causes {disease}? Many people do not know that {symptom} may", "A {n:20-80}-year-old patient was admitted to {clinic} with {symptom}; doctors found {disease}, and said that this kind of",
        "Experts warn that people with {symptom} should look out for {disease}. Let us take a look at"]), EN, rng)
    return text[: rng.randint(25, len(text))] + rng.choice(["...", "…", "", " [...]", "... Read more", "… Continue reading", "... Log in to read the full article"])


def random_letters(rng: Random) -> str:
    way, size = rng.randrange(3), rng.randint(200, 1200)
    if way == 0:
        return " ".join("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(1, 12))) for _ in range(size // 7))
    if way == 1:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789+/=ABCDEFGHXYZ") for _ in range(size))
    return "".join(rng.choice("etaoinshrdlu etaoin !@#$%^&*()_+{}|:<>?[];',./-=0123456789") for _ in range(size))


def soup(rng: Random) -> str:
    """Words of sentences in an order that no language has, as rewriting tools make them."""
    words = [word for name in ("disease", "drug", "symptom", "lab", "ordinary", "ordinary") for word in EN[name]]
    glue = ["the", "of", "is", "to", "and", "a", "of the", "in", "the the", "with", "was", "for", "be", "that of", "an is"]
    return " ".join(rng.choice(words) + " " + rng.choice(glue) + rng.choice(("", "", " " + rng.choice(glue), ",", "."))
                    for _ in range(rng.randint(40, 160))) + "."


def login(rng: Random) -> str:
    return _lines(rng, [
        "Sign in to your account", "Username", "Password", "Email address *", "Remember me", "Forgot your password?", "Don't have an account? Sign up", "Log in with Google | Log in with Facebook",
        "Enter the characters you see", "Create an account", "By signing in you agree to our Terms of Service and Privacy Policy", "You must be logged in to view this content",
        "Access denied", "Your session has expired, please log in again", "Password must have at least {n:6-12} characters", "Confirm password", "Submit Reset",
    ], 6, 14)


def listing(rng: Random) -> str:
    return _lines(rng, [
        "- Early signs of {disease} ({n:1-12}/{n:1-28}/{n:2010-2022})", "{drug} {n:5-500}mg x {n:10-100} ${d:5-200} Add to cart", "{n:1-50}. {clinic}, {n:1-999} Main St, {city} - ({n:200-999}) 555-{n:1000-9999}",
        "{disease}.pdf {d:0.1-9} MB {n:1-999} downloads", "Re: {symptom} after {drug}? - {name} - {n:0-99} replies", "Posted by {name} on {n:2010-2022}-{n:1-12}-{n:1-28} | {n:0-99} comments",
        "{city} {dept} jobs ({n:1-99})", "Rating: {d:1-5} stars - {n:1-999} reviews", "Showing 1-{n:10-50} of {n:51-999} results Prev 1 2 3 4 Next",
    ], 12, 35)


def ocr_noise(rng: Random) -> str:
    text = _lines(rng, [
        "{disease} is a chronic disorder with many causes, among them genes and the way of life.", "On examination {symptom} may be seen, and {exam} helps to confirm the diagnosis.",
        "Treatment is with {drug}, to which {drug} may be added while {lab} is watched.", "The prognosis depends on age and complications, and long follow-up is advised."], 4, 10, " ")
    return "".join(rng.choice("|1l!;:.,'`~^*_\\/•■ §¢£") + rng.choice(("", "", rng.choice("iIlrnmt1 "))) if rng.random() < 0.38 else letter for letter in text)


def code(rng: Random) -> str:
    return _lines(rng, [
        'function show{n:1-99}() \x00 document.getElementById("tab{n:1-9}").style.display = "none"; \x01', "(function(w,d,s,l,i)\x00w[l]=w[l]||[];w[l].push(\x00'gtm.start':new Date().getTime()\x01);\x01)",
        ".nav-{n:1-9} > li a:hover \x00 color: #ff{n:1000-9999}; float: left; width: {n:10-900}px; \x01", '<div class="col-{n:1-12}"><a href="/conditions/{n:100-9999}">{disease}</a></div>',
        "$(document).ready(function()\x00 $('#slide{n:1-9}').fadeIn({n:100-900}); \x01);", '\x00"id": {n:1-9999}, "name": "{drug}", "price": {d:1-99}, "stock": {n:0-999}\x01,',
        "if (navigator.userAgent.match(/iPhone/i)) \x00 location.replace('/m/{n:1-999}'); \x01", "SELECT * FROM wp_posts WHERE id={n:1-999} ORDER BY post_date DESC LIMIT {n:5-50};", "&nbsp;&nbsp;&lt;br /&gt;&amp;nbsp;",
    ], 6, 18).replace("\x00", "{").replace("\x01", "}")


SEEN = {one.__name__: one for one in (ad, mojibake, stuffing, repeated, number_table, comment_spam, gambling, boilerplate)}
HELD_OUT = {one.__name__: one for one in (navigation, truncated, random_letters, soup, login, listing, ocr_noise, code)}
