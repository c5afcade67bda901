"""What the lists know of English names, in small letters."""

from data_tools.corpus.phi import lists

GIVEN_WORD = lists.lower_words("given_en", "word")
GIVEN = lists.lower_words("given_en", "plain") - GIVEN_WORD
SURNAME_WORD = lists.lower_words("surnames_en", "word")
SURNAME = lists.lower_words("surnames_en", "plain") - SURNAME_WORD
ANY_GIVEN, ANY_SURNAME = GIVEN | GIVEN_WORD, SURNAME | SURNAME_WORD
ANY = ANY_GIVEN | ANY_SURNAME
WORDS = lists.lower_words("words_en")
THINGS = lists.lower_words("eponyms", "thing")
EPONYMS = lists.lower_words("eponyms", "eponym")
TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor sir lady rev reverend fr sr sister nurse doctor capt sgt lt judge madam mme".split()
)
CREDENTIALS = frozenset(
    "md m.d do d.o rn r.n np fnp aprn arnp cnp pa pa-c phd ph.d lcsw msw lmsw lpc crna lpn cna dnp bsn msn frcs frcp mrcp "
    "mrcs mbbs mbchb dds dmd dpm dvm "
                          "pharmd rph pt dpt ot otr slp rd rdn ccc-slp facs facp faap faaem mph cnm od psyd emt rt bch facc "
                          "fnp-bc fnp-c jr sr ii iii iv esq rnc".split())  # fmt: skip
SUFFIXES = frozenset("jr sr ii iii iv".split())
