"""Proposes what a schema says beside the kinds: who is protected, what can be changed, roles, prices. All of it is to be checked."""

import numpy as np

from adopt import names

# Who somebody is. Alone these are words of a name, within they are anywhere in it.
PERSON_WORDS = {"age", "gender", "sex", "birth", "birthday", "dob", "married", "marital", "partner", "spouse", "dependents", "dependent",
                "children", "kids", "family", "senior", "race", "ethnicity", "ethnic", "nationality", "citizenship", "religion",
                "disability", "disabled", "pregnant", "language", "city", "zip", "zipcode", "postcode", "postal", "plz", "state", "country",
                "region", "geography", "county", "latitude", "longitude", "lat", "lon", "lng", "address", "education", "citytier",
                "over18", "veteran", "household"}  # fmt: skip
PERSON_WITHIN = ("gender", "maritalstatus", "dependents", "seniorcitizen", "zipcode", "latitude", "longitude", "birthdate", "dateofbirth",
                 "agegroup", "ethnic", "areacode", "postalcode", "distancefromhome")  # fmt: skip
# Counts of things with these names are no persons' properties: the number of addresses or devices.
COUNTED = {"number", "num", "count"}
PLAN_WORDS = {"contract", "plan", "subscription", "tier", "billing", "payment", "paperless", "offer", "package", "bundle", "product", "products",
              "service", "seats", "renew", "tariff", "card", "internet", "phone", "lines", "streaming", "security", "backup", "protection",
              "support", "device", "tenure", "insurance", "overtime", "travel", "stock", "trial", "addon", "unlimited"}  # fmt: skip
PLAN_WITHIN = ("contract", "paperless", "internetservice", "internettype", "phoneservice", "multiplelines", "streaming", "onlinesecurity",
               "onlinebackup", "deviceprotection", "techsupport", "unlimiteddata", "paymentmethod", "paymentmode", "autorenew", "overtime",
               "businesstravel", "stockoption", "tenure", "accountlength", "subscriptionlength", "yearsatcompany", "crcard", "creditcard")  # fmt: skip
# What somebody can choose. `None` moves anywhere, "up" only to longer or larger ones.
CHANGE_WORDS = {"plan", "tariff", "billing", "paperless", "autorenew", "overtime", "addon", "package", "insurance"}
CHANGE_WITHIN = ("contract", "paperless", "paymentmethod", "paymentmode", "billingfrequency", "billingcycle", "autorenew", "onlinesecurity",
                 "onlinebackup", "deviceprotection", "techsupport", "streaming", "unlimiteddata", "multiplelines", "voicemailplan",
                 "internationalplan", "tariffplan", "plantier", "subscriptiontype", "numofproducts", "numberofproducts", "overtime",
                 "businesstravel", "stockoption", "hascrcard", "creditcard", "protectionplan")  # fmt: skip
NO_CHANGE_WORDS = {
    "upgrade",
    "downgrade",
    "cancel",
    "complain",
    "complaint",
    "complaints",
    "last",
    "previous",
    "offer",
    "count",
    "used",
}
UP_WITHIN = (
    "contract",
    "billingfrequency",
    "billingcycle",
    "plantier",
    "numofproducts",
    "numberofproducts",
    "stockoption",
)
EXPERIMENT_WORDS = {"variant", "treatment", "arm", "experiment", "ab", "testgroup", "controlgroup"}
CONTACTABLE = ("maycontact", "contactable", "optin", "contactconsent", "marketingconsent")
TENURE = ("tenure", "accountlength", "subscriptionlength", "monthswithus", "monthsas", "yearswithus", "yearsas", "monthsactive", "accountage", "yearsatcompany",
          "customerage", "monthsonbook", "membershipmonths", "membershiplength", "seniority")  # fmt: skip
RECURRING = ("monthlycharge", "mrr", "monthlyfee", "monthlyprice", "monthlyrevenue", "monthlybill", "monthlyspend", "monthlypayment",
             "subscriptionprice", "monthlycost")  # fmt: skip
LIFETIME = ("totalcharge", "lifetimevalue", "totalpaid", "totalrevenue", "lifetimerevenue")
MOST_PERSONS_LEVELS = 12


def describe(columns):
    """Fills in what each column is about and which changes it may make."""
    for column in columns:
        column.about = about(column)
        if column.about == "plan" and column.is_named and can_change(column):
            is_up = names.has_word(column.source, (), UP_WITHIN) or names.words(column.source) == ["plan"]
            up = column.ordered and column.kind == "choice" and is_up
            column.change = "up" if up else "any"
            column.guesses.append(
                f'a customer can change it{" (only to one further down)" if up else ""}, by its name; say change = "never" if not'
            )


def about(column):
    """What a column is about, by its name."""
    source = column.source
    counts = set(names.words(source)) & COUNTED and not names.has_word(source, (), ("dependents",))
    if names.has_word(source, PERSON_WORDS, PERSON_WITHIN) and not counts:
        column.guesses.append("about a person, by its name: it decides no nudge, persona, stage or change")
        return "person"
    if set(names.words(source)) & EXPERIMENT_WORDS and column.is_named:
        return "experiment"
    if column.kind == "money":
        return "money"
    if names.has_word(source, PLAN_WORDS, PLAN_WITHIN) and not set(names.words(source)) & {
        "calls",
        "delay",
        "days",
        "used",
        "last",
    }:
        return "plan"
    return "behaviour"


def can_change(column):
    """Whether somebody can choose another value, by the name."""
    source = column.source
    if set(names.words(source)) & NO_CHANGE_WORDS or column.other is not None:
        return False
    return names.has_word(source, CHANGE_WORDS, CHANGE_WITHIN)


def find_roles(columns):
    """The fields that play a part: role -> (column, evidence)."""
    roles = {}
    numeric = [column for column in columns if not column.is_named and column.kind != "date" and column.in_model]
    for role, wanted, kinds in (("tenure", TENURE, ("whole", "number")), ("recurring", RECURRING, ("money", "number"))):
        found = [
            column
            for column in numeric
            if column.kind in kinds and any(text in names.folded(column.source) for text in wanted)
        ]
        if found:
            roles[role] = (found[0], "by its name")
    for column in columns:
        if column.kind == "flag" and any(text in names.folded(column.source) for text in CONTACTABLE):
            roles["contactable"] = (column, "by its name: who says no is in no campaign")
            column.about, column.change, column.in_model, column.guesses = "plan", "never", False, []
    if "tenure" in roles and "recurring" in roles:
        tenure, recurring = roles["tenure"][0].codes, roles["recurring"][0].codes
        for column in numeric:
            if column.kind != "money" or not any(text in names.folded(column.source) for text in LIFETIME):
                continue
            with np.errstate(all="ignore"):
                ratio = column.codes / (tenure * recurring)
            near = np.nanmean(np.abs(ratio - 1) < 0.2)
            if near > 0.6:
                roles["lifetime"] = (
                    column,
                    f"within a fifth of {roles['recurring'][0].source} × {roles['tenure'][0].source} in {near:.0%} of the rows",
                )
                break
    return roles


def may_be_the_same(column):
    """Values of a choice that may be two names for one, as pairs: one is in the other, or the other's initials."""
    pairs = []
    for value in column.values:
        for longer in column.values:
            if value == longer or column.ordered:
                continue
            mine, theirs = names.words(value), names.words(longer)
            initials = "".join(word[0] for word in theirs)
            if len(theirs) > len(mine) == 1 and (
                mine[0] == initials and len(initials) > 1 or mine[0] in theirs and not mine[0].isdigit()
            ):
                pairs.append((value, longer))
    return pairs
