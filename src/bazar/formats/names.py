"""What our columns are called in files: in English, German, French, Spanish and Arabic.

Two names are one where they differ in case, accents, spaces and signs alone.
"""

import re
import unicodedata

_ARABIC = str.maketrans({"\u0649": "\u064a", "\u0629": "\u0647", "\u0640": None})
"""Letters that are typed one for the other, and the stroke that only lengthens a word."""
_BESIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")

WRITTEN = {
    "bazar_id": "bazar_id",
    "isbn": """
        ISBN-13 | ISBN | ISBNs | ISBN-10 | ISBN/EAN | EAN/ISBN | ISBN number | ISBN code
        | ISBN-Nummer | ISBN-Nr | Numéro ISBN | Número ISBN | Código ISBN
        | ردمك | رقم ردمك | الرقم الدولي | الرقم الدولي المعياري للكتاب | الترقيم الدولي
        | رقم الإيداع الدولي | رقم ISBN
        | EAN | EAN-13 | GTIN | GTIN-13 | Barcode | Bar code | UPC | UPC/EAN | EAN/UPC
        | EAN ISBN13 | UPC ISBN10 | ISBN/UID
        | GTIN, UPC, EAN, or ISBN | Strichcode | EAN-Code | Code-barres | Code barre | Code EAN
        | Gencod | Código de barras | Código EAN | باركود | الباركود | رمز شريطي""",
    "title": """
        Title | Book title | Title name | Full title | Product title | Item title
        | Titel | Buchtitel | Titelbezeichnung | Haupttitel
        | Titre | Titre du livre | Intitulé
        | Título | Título del libro
        | العنوان | عنوان | عنوان الكتاب
        | Book | Book name | Product name | Item name | Libro | Ouvrage | الكتاب | اسم الكتاب
        | Bezeichnung | Artikelbezeichnung | Artikelname | Produktname | Désignation | Libellé
        | Denominación | Nom du produit | Nombre del producto | اسم المنتج
        | Product | Article | Artikel | Item | المنتج | Name | Nom | Nombre | الاسم""",
    "author": """
        Author | Authors | Author(s) | Author name | Author names | Book author | Writer
        | Written by | Creator | Creators | By | Primary author | Main author | Contributor
        | Contributors
        | Autor | Autoren | Autorin | Autor/in | Autor(en) | Autor:in | Verfasser | Verfasserin
        | Schriftsteller | Urheber
        | Auteur | Auteurs | Auteur(s) | Auteure | Écrivain | Nom de l'auteur
        | Autora | Autores | Autor(es) | Escritor | Nombre del autor
        | المؤلف | مؤلف | اسم المؤلف | الكاتب | كاتب | المؤلفون | تأليف""",
    "year": """
        Year | Original publication year | Publication year | Year published | Year of publication
        | Published year | Pub year | First published | Year first published | Publish year
        | Publication date | Publish date | Date published | Published date | Pub date
        | Date of publication | Release date | Copyright | Copyright date | Published on
        | Jahr | Erscheinungsjahr | Ersch.-Jahr | Jahrgang | Publikationsjahr | Erscheinungsdatum
        | Veröffentlichungsjahr | Veröffentlichungsdatum | Erschienen
        | Année | Année de parution | Année de publication | Année d'édition
        | Date de parution | Date de publication | Parution
        | Año | Año de publicación | Año de edición | Fecha de publicación | Fecha de edición
        | السنة | سنة | سنة النشر | تاريخ النشر | عام النشر | سنة الإصدار | تاريخ الإصدار""",
    "topic": """
        Topic | Subject | Subjects | Genre | Genres | Category | Categories | Section | Department
        | Classification | Theme | Product category | Main category | Book category
        | Thema | Sachgebiet | Warengruppe | Kategorie | Kategorien | Rubrik | Gattung | Abteilung
        | Fachgebiet
        | Sujet | Thème | Catégorie | Catégories | Rayon | Rubrique
        | Tema | Materia | Género | Categoría | Categorías | Sección | Temática
        | الموضوع | موضوع | التصنيف | تصنيف | الفئة | القسم | النوع""",
    "price": """
        Price | Selling price | Sell price | Retail price | Regular price | Unit price | Sales price
        | Price incl. tax | Price incl. VAT | Gross price | Our price | Shop price | Item price
        | Retail | Current price | Start price
        | List price | RRP | MSRP | SRP | Variant price | Sale price | Cover price
        | Preis | Verkaufspreis | VK | VK-Preis | VK brutto | Ladenpreis | Bruttopreis | Endpreis
        | Einzelpreis | Stückpreis | Preis brutto | Regulärer Preis | Listenpreis | UVP | LVP
        | Gebundener Preis
        | Prix | Prix de vente | Prix TTC | Prix public | PVTTC | PV TTC | Prix unitaire
        | Prix de vente TTC | Prix public TTC | Tarif | Tarif normal | PPTTC
        | Precio | Precio de venta | PVP | P.V.P. | Precio de venta al público | Precio unitario
        | Precio con IVA | Precio final | Importe | Precio normal
        | السعر | سعر | سعر البيع | ثمن | الثمن | سعر الكتاب | سعر الوحدة""",
    "quantity": """
        Quantity | Qty | Stock | In stock | Stock quantity | Quantity in stock | Stock level
        | Copies | Number of copies
        | On hand | Quantity on hand | Qty on hand | QOH | Available | Inventory
        | Inventory quantity | Inventory level | Available quantity | Stock on hand | Count | Units
        | Variant inventory qty | Current stock
        | Bestand | Gesamtbestand | Istbestand | Lagerbestand | Menge | Anzahl | Stück
        | Stückzahl | Stueckzahl | Lager | Vorrat
        | Verfügbar | Exemplare | Auf Lager | Lagermenge
        | Quantité | Qté | Quantité en stock | Disponible | Exemplaires | Nombre d'exemplaires
        | En stock | Inventaire
        | Cantidad | Cant. | Existencias | Existencia | Ejemplares | Unidades | Inventario
        | Número de ejemplares
        | الكمية | كمية | العدد | عدد | المخزون | الرصيد | عدد النسخ | النسخ | الكمية المتوفرة
        | المتوفر""",
    "description": """
        Description | Long description | Product description | Body (HTML) | Body | Summary
        | Synopsis | Blurb | Annotation | About | Abstract | Comments | Short description
        | Beschreibung | Produktbeschreibung | Klappentext | Inhalt | Zusammenfassung
        | Inhaltsangabe | Kurzbeschreibung | Langtext
        | Résumé | Descriptif | Présentation | Quatrième de couverture | Description longue
        | Descripción | Resumen | Sinopsis | Descripción larga | Descripción corta
        | الوصف | وصف | نبذة | نبذة عن الكتاب | ملخص | الملخص | التفاصيل""",
    "subtitle": """
        Subtitle | Sub title | Subtitel | Untertitel | Zusatz zum Titel | Sous-titre | Subtítulo
        | العنوان الفرعي | عنوان فرعي""",
    "publisher": """
        Publisher | Publishers | Publishing house | Imprint | Publisher name | Published by
        | Verlag | Verlagsname | Herausgeber | Verleger
        | Éditeur | Maison d'édition | Éditions
        | Editorial | Casa editorial
        | الناشر | ناشر | دار النشر | اسم الناشر""",
    "format": """
        Format | Binding | Book format | Binding text | Cover | Cover type | Media | Book type
        | Einband | Einbandart | Bindung | Ausgabe | Medium | Produktform
        | Reliure | Couverture | Type de reliure
        | Formato | Encuadernación | Tapa
        | التنسيق | الشكل | نوع الغلاف | الغلاف | التجليد""",
    "pages": """
        Pages | Number of pages | Num pages | No. of pages | Page count | Pagecount | # pages
        | Pagination | Extent
        | Seiten | Seitenzahl | Seitenanzahl | Anzahl Seiten | Umfang
        | Nombre de pages | Nb pages | Nb de pages
        | Páginas | Número de páginas | Núm. páginas | N.º de páginas
        | الصفحات | عدد الصفحات | صفحات""",
    "language": """
        Language | Languages | Lang | Language code | Text language
        | Sprache | Sprachen | Textsprache
        | Langue | Langues
        | Idioma | Idiomas | Lengua
        | اللغة | لغة""",
    "condition": """
        Condition | Book condition | Item condition | Condition grade
        | Zustand | Erhaltung | Erhaltungszustand
        | État | État du livre
        | Estado | Condición | Estado de conservación
        | الحالة | حالة | حالة الكتاب""",
    "shelf": """
        Shelf | Location | Shelf location | Shelf mark | Shelfmark | Bin | Bin location
        | Storage location
        | Regal | Standort | Stellplatz | Lagerplatz | Lagerort | Fach | Signatur
        | Étagère | Emplacement | Cote
        | Estante | Estantería | Ubicación | Signatura
        | الرف | رف | الموقع | مكان الحفظ""",
    "low_at": """
        Low at | Reorder level | Reorder point | Minimum stock | Min stock | Min. quantity
        | Low stock amount | Low stock threshold | Minimum quantity
        | Mindestbestand | Meldebestand | Mindestmenge | Nachbestellen ab
        | Stock minimum | Seuil d'alerte | Seuil de stock | Stock mini
        | Stock mínimo | Existencias mínimas | Cantidad mínima | Punto de pedido
        | الحد الأدنى | حد الطلب | الحد الأدنى للمخزون""",
    "quantity_exported": "quantity_exported",
    "currency": """
        Currency | Currency code | Price currency | Währung | Waehrung | Devise | Monnaie | Moneda
        | Divisa | العملة | عملة""",
}
"""A column of ours, or a fact about rows that only is looked at, to its names, the best first."""


def normal(name: str) -> str:
    """Return the form in which names of columns are compared."""
    parted = unicodedata.normalize("NFKD", name.casefold()).translate(_ARABIC)
    return "".join(one for one in parted if one.isalnum())


def without_brackets(name: str) -> str:
    """Return a name without what stands in brackets behind it, such as `Price (EUR)`."""
    return _BESIDE.sub(" ", name)


SYNONYMS = {
    column: tuple(dict.fromkeys(map(normal, [column, *names.split("|")])))
    for column, names in WRITTEN.items()
}
"""Each of our columns to the normal forms of its names, the best first."""
SEVERAL = frozenset({"isbn", "author", "year", "description"})
"""Of these a file may have several that say one thing: where one is empty the next serves."""
BARCODES = frozenset(
    normal(name)
    for name in [
        "EAN",
        "EAN-13",
        "GTIN",
        "GTIN-13",
        "Barcode",
        "Bar code",
        "UPC",
        "UPC/EAN",
        "EAN/UPC",
        "EAN/ISBN",
        "ISBN/EAN",
        "ISBN/UID",
        "UPC ISBN10",
        "EAN ISBN13",
        "P:EAN",
        "P:UPC",
        "product-id",
        "asin1",
        "GTIN, UPC, EAN, or ISBN",
        "Variant Barcode",
        "Strichcode",
        "EAN-Code",
        "Code-barres",
        "Code barre",
        "Code EAN",
        "Gencod",
        "Código de barras",
        "Código EAN",
        "باركود",
        "الباركود",
        "رمز شريطي",
    ]
)
"""Where the number of a thing that is no book is no fault."""
STOCK_NUMBERS = frozenset(
    normal(name)
    for name in [
        "SKU",
        "Variant SKU",
        "Custom SKU",
        "Custom label",
        "Custom label (SKU)",
        "Seller SKU",
        "Item SKU",
        "Product SKU",
        "Artikelnummer",
        "Artikelnr",
        "Art.-Nr.",
        "Référence",
        "Referencia",
    ]
)
"""Numbers of a shop's own, for which many booksellers take the ISBN."""
